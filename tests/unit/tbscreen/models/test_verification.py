"""A screened film is computed again, and is the same, or said not to be."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from db.database import Database
from db.films import films, screenings
from db.tables import Instance, Screening
from dicom_gateway.preparation.film_preparation import measure_greys
from domain.array.normalization import SPEC
from domain.bundle.bundle import Bundle
from domain.errors import PermanentError
from tbscreen.models.prepared_file import read_file
from tbscreen.models.verification import verify
from tbscreen.settings import Settings, load_settings
from tests import screened_films
from tests.films import real_film, small_film
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli, assert_one_line
from tests.unit.worker.conftest import register
from tests.unit.worker.networks import write_network
from worker.predictor import Predictor


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A trained bundle whose score is sigmoid(4 · mean of the film)."""
    return write_network(tmp_path_factory.mktemp("small"), weight=4.0)


@pytest.fixture
def uid(installed: Database, bundle: Bundle, place: Path) -> str:
    """A film that was screened, with its file in the spool."""
    register(installed, bundle)
    settings = load_settings()
    path = real_film()
    prepared = read_file(path, settings.gateway)
    assert prepared.array is not None
    score = float(Predictor(bundle, 0, "keras", "float32").predict(prepared.array[None])[0])
    spooled = settings.data_directory / "spool" / "00" / "film.dcm"
    spooled.parent.mkdir(parents=True)
    shutil.copy(path, spooled)
    instance_id = screened_films.receive(installed, path, spool_path="00/film.dcm")
    with installed.write() as session:
        films.record_preparation(
            session,
            instance_id,
            screened_films.draw_rendition(),
            prepared.doubts,
            statistics=measure_greys(prepared.array),
        )
        assert films.pin_bundle(session, instance_id, SPEC.version) is not None
        assert films.mark_queued(session, instance_id, rows.LEASE)
        assert screenings.begin_attempt(session, instance_id) is not None
        result = rows.make_result(instance_id, score, digest=bundle.digest)
        assert screenings.record_result(session, replace(result, runtime="keras", precision="float32"))
    return str(rows.read_film(installed, instance_id).sop_instance_uid)


def change(database: Database, **values: object) -> None:
    with database.write() as session:
        session.execute(update(Screening).values(**values))


def test_the_same_film_is_the_same_to_the_last_digits(installed: Database, uid: str) -> None:
    found = verify(installed, load_settings(), uid)
    assert found.is_same, found.describe()
    assert found.allowed == 1e-5
    assert found.describe().startswith("the same: score ")


def test_another_score_or_another_array_is_said(
    installed: Database, uid: str, quick_cli: Cli, tmp_path: Path
) -> None:
    other = small_film(tmp_path, 1)
    differs = quick_cli("film", uid, "--verify", "--file", str(other))
    assert differs.returncode == 1
    assert differs.stdout.startswith("the array differs")
    with installed.read() as session:
        score = session.query(Screening).one().score
    change(installed, score=score + 0.001)
    differs = quick_cli("film", uid, "--verify", "--json")
    assert differs.returncode == 1
    assert json.loads(differs.stdout)["same"] is False
    change(installed, score=score + 0.005, runtime=None, precision=None)
    assert quick_cli("film", uid, "--verify").stdout.startswith("the same"), "the runtime is not known"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"spool_path": None}, "fetch it from the PACS and name it with --file"),
        ({"spool_path": "00/gone.dcm"}, "in the spool of gateway gateway-1"),
    ],
)
def test_a_film_without_a_file_is_told(
    installed: Database, uid: str, values: dict[str, str | None], said: str
) -> None:
    with installed.write() as session:
        session.execute(update(Instance).values(**values))
    with pytest.raises(PermanentError, match=said):
        verify(installed, Settings(data_directory=load_settings().data_directory), uid)


def test_what_cannot_be_verified_is_told(installed: Database, uid: str, quick_cli: Cli, place: Path) -> None:
    assert_one_line(quick_cli("film", uid, "--file", "x.dcm"), "--file goes with --verify")
    Path("broken.dcm").write_bytes(b"\0" * 200)
    assert_one_line(quick_cli("film", uid, "--verify", "--file", "broken.dcm"), "broken.dcm")
    waiting = rows.receive(installed, "1.2.9", study="1.3.9")
    assert waiting is not None
    assert_one_line(quick_cli("film", "1.2.9", "--verify"), "was not screened")
