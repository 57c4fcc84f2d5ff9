"""A film that comes again: in another encoding, and damaged."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from sqlalchemy import select

from db.tables import Instance
from db.worklist.study_entries import StudyEntry
from tests.films import dataset_offset, read, small_film, with_dataset
from tests.integration.conftest import Site, store_raw
from tests.servers.pacs import store
from tests.servers.ports import wait_until


def list_revisions(site: Site, film: Dataset) -> list[tuple[str, str | None, bool]]:
    """Return state, refusal and whether it stands of each revision."""
    query = select(Instance).where(Instance.sop_instance_uid == film.SOPInstanceUID).order_by(Instance.id)
    with site.installation.database.read() as session:
        return [(row.state, row.refusal, row.current) for row in session.scalars(query)]


def find_study(site: Site, film: Dataset) -> StudyEntry:
    study = site.find_study(str(film.StudyInstanceUID))
    assert study is not None
    return study


def list_reports(site: Site, film: Dataset) -> list[Path]:
    return [path for path in site.storescp.files() if dcmread(path).StudyInstanceUID == film.StudyInstanceUID]


def wait_for_study(site: Site, film: Dataset) -> StudyEntry:
    """Wait until a study waits for no film: our report, when it is routed back, is one for a moment, too."""
    wait_until(lambda: find_study(site, film).state == "screened", 60, "no film of the study waits")
    return find_study(site, film)


def send_first(site: Site, film: Path) -> None:
    assert store(site.port, film, options=["-xe"]).returncode == 0
    wait_until(lambda: len(list_reports(site, read(film))) == 1, 60, "the report is here")


def test_a_film_sent_explicit_and_then_implicit_is_screened_and_reported_once(
    site: Site, tmp_path: Path
) -> None:
    path = small_film(tmp_path, 21)
    film = read(path)
    send_first(site, path)
    assert store(site.port, path, options=["-xi"]).returncode == 0

    again = ("refused", "same_film", False)
    wait_until(lambda: again in list_revisions(site, film), 60, "the second copy is prepared")
    assert list_revisions(site, film) == [("screened", None, True), again]
    wait_for_study(site, film)
    other = small_film(tmp_path, 22)  # a film that came later is reported: nothing is on its way before it
    send_first(site, other)
    assert len(list_reports(site, film)) == 1


def test_a_damaged_copy_leaves_the_result_where_it_was(site: Site, tmp_path: Path) -> None:
    path = small_film(tmp_path, 23)
    film = read(path)
    send_first(site, path)
    before = find_study(site, film)
    content = path.read_bytes()[dataset_offset(path) :]
    damaged = with_dataset(path, tmp_path / "damaged.dcm", content[:-100_000])
    assert store_raw(site.port, damaged) == 0x0000

    failed = ("refused", "undecodable", False)
    wait_until(lambda: failed in list_revisions(site, film), 60, "the damaged copy is prepared")
    after = wait_for_study(site, film)
    assert (after.priority, after.finding) == (before.priority, before.finding)
    assert list(after.notices) == ["revision_failed"]
