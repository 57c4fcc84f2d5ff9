"""A pull is killed, a PACS goes in the middle or refuses: what is missing comes later, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from threading import Event

import pytest
from pynetdicom import AE, evt
from sqlalchemy import select

from db.database import Database
from db.tables import Pull
from dicom_gateway.retrieval.pull import Pull as RunningPull
from dicom_gateway.retrieval.pull_association import (
    FIND,
    GET,
    MOVE,
    AnswerError,
    PeerAwayError,
    PeerRefusesError,
)
from dicom_gateway.retrieval.pull_progress import PullProgress
from dicom_gateway.retrieval.study_fetcher import DiskFullError
from dicom_gateway.settings import PeerSettings
from tests.films import small_film
from tests.integration.retrieval.pulls import (
    FAST,
    OPEN,
    gateway,
    list_here,
    list_rows,
    list_studies,
    make_film,
    peer_of,
    pull,
    put,
    states,
)
from tests.servers.archive import AE_TITLE, archive
from tests.servers.pacs import Orthanc, orthanc, store, storescp
from tests.servers.ports import free_port


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory, films: list[Path]) -> Iterator[Orthanc]:
    """An Orthanc that knows no destination, and answers with two studies at most."""
    with orthanc(tmp_path_factory.mktemp("pacs"), further={**OPEN, "LimitFindResults": 2}) as server:
        put(server, *films)
        yield server


def test_a_pacs_that_dies_in_the_middle_of_a_study_and_comes_back(
    sqlite_database: Database, tmp_path: Path, films: list[Path], uids: list[str]
) -> None:
    dicom_port = free_port()
    servers: list[Orthanc] = []

    def kill_at_the_third() -> None:
        if len(list_here(sqlite_database)) == 3:
            servers[0].kill()

    with ExitStack() as running:
        place = running.enter_context(
            gateway(sqlite_database, tmp_path / "spool", free_port(), received=kill_at_the_third)
        )
        dying = running.enter_context(orthanc(tmp_path / "pacs", further=OPEN, dicom_port=dicom_port))
        servers.append(dying)
        put(dying, *films)
        impatient = FAST.model_copy(update={"patience_s": 0.5})
        with pytest.raises(PeerAwayError, match=f"nothing answers at 127.0.0.1:{dicom_port}"):
            pull(place, peer_of(dying), settings=impatient)
        assert states(list_studies(sqlite_database)) == ["complete"] * 2 + ["wanted"] * 4
        assert len(list_here(sqlite_database)) == 3, "what was durable when it died is kept"

        waits = Event()

        def wait(_: RunningPull, progress: PullProgress) -> None:
            if "trying again" in progress.waiting_for:
                waits.set()

        patient = FAST.model_copy(update={"patience_s": 60})
        with ThreadPoolExecutor(1) as thread:
            going_on = thread.submit(pull, place, peer_of(dying), settings=patient, report=wait)
            assert waits.wait(timeout=30), "it waits for the PACS"
            running.enter_context(orthanc(tmp_path / "pacs", further=OPEN, dicom_port=dicom_port))
            progress = going_on.result(timeout=60)
        assert (progress.here, progress.complete, progress.films) == (2, 4, 3)
        assert list(place.spool.incoming.iterdir()) == []
        assert list_here(sqlite_database) == uids


def test_a_pacs_that_is_silent_holds_nobody_who_stops(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_gateway.retrieval.pull.CANCEL_S", 0.2)
    running: list[RunningPull] = []
    stopped = Event()

    def answer_when_nobody_waits_any_more(_: evt.Event) -> Iterator[tuple[int, None]]:
        running[0].stop()
        assert stopped.wait(timeout=30)
        yield 0x0000, None

    silent = AE(ae_title="SILENT")
    for model in (FIND, GET, MOVE):
        silent.add_supported_context(model)
    port = free_port()
    handlers = [(evt.EVT_C_FIND, answer_when_nobody_waits_any_more)]
    server = silent.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        with gateway(sqlite_database, tmp_path / "spool", free_port()) as place:
            peer = PeerSettings(name="silent", ae_title="SILENT", host="127.0.0.1", port=port)
            patient = FAST.model_copy(update={"answer_timeout_s": 600})
            progress = pull(place, peer, settings=patient, report=lambda started, _: running.append(started))
            assert (progress.stopped, progress.found) == (True, 0)
    finally:
        stopped.set()
        server.shutdown()


def test_a_destination_that_the_pacs_does_not_know_is_said(
    sqlite_database: Database, tmp_path: Path, pacs: Orthanc, films: list[Path], uids: list[str]
) -> None:
    with gateway(sqlite_database, tmp_path / "spool", free_port()) as place:
        with archive(tmp_path / "archive", None, films[0]) as port:
            peer = PeerSettings(name="archive", ae_title=AE_TITLE, host="127.0.0.1", port=port)
            with pytest.raises(PeerRefusesError, match="add AE title TBSCREEN"):
                pull(place, peer, "move")
        assert states(list_studies(sqlite_database)) == ["wanted"]
        once = FAST.model_copy(update={"maximum_attempts": 1})
        assert pull(place, peer_of(pacs), "move", settings=once).failed == 6, "Orthanc says only that"
        assert "does it know destination TBSCREEN" in str(list_studies(sqlite_database)[-1].last_error)
        assert pull(place, peer_of(pacs), "auto").films == 6
    assert list_here(sqlite_database) == uids


@pytest.mark.parametrize("method", ["get", "move"])
def test_a_film_of_another_study_under_a_listed_uid_is_not_the_film_of_the_pacs(
    sqlite_database: Database, tmp_path: Path, films: list[Path], uids: list[str], method: str
) -> None:
    """Otherwise a caller that sends anything under the UID makes the pull leave the film in the PACS."""
    port = free_port()
    (tmp_path / "forged").mkdir()
    forged = small_film(tmp_path / "forged", 7, SOPInstanceUID=uids[0], StudyInstanceUID="1.2.3.99")
    further = {**OPEN, "DicomModalities": {"tbscreen": ["TBSCREEN", "127.0.0.1", port]}}
    with (
        gateway(sqlite_database, tmp_path / "spool", port) as place,
        orthanc(tmp_path / "pacs", further=further) as server,
    ):
        put(server, *films)
        store(port, forged)
        assert list_here(sqlite_database) == uids[:1]
        progress = pull(place, peer_of(server), method)
        assert (progress.complete, progress.failed) == (6, 0)
        by_pacs = [row.sop_instance_uid for row in list_rows(sqlite_database) if row.study_id != 1]
        assert sorted(by_pacs) == uids


def test_films_that_do_not_reach_their_destination_fail_and_come_the_next_time(
    sqlite_database: Database, tmp_path: Path, films: list[Path]
) -> None:
    port = free_port()
    with (
        gateway(sqlite_database, tmp_path / "spool", free_port()) as place,
        archive(tmp_path / "archive", port, *films[:2]) as archive_port,
    ):
        peer = PeerSettings(name="archive", ae_title=AE_TITLE, host="127.0.0.1", port=archive_port)
        progress = pull(place, peer, "move")
        assert (progress.found, progress.failed, progress.is_complete) == (2, 2, False)
        rows = list_studies(sqlite_database)
        assert [(row.state, row.attempts) for row in rows] == [("failed", FAST.maximum_attempts)] * 2
        assert "1 of 1 films did not come" in str(rows[0].last_error)
        with gateway(sqlite_database, tmp_path / "there", port, name="there"):
            assert pull(place, peer, "move").complete == 2
        assert {row.calling_ae_title for row in list_rows(sqlite_database)} == {AE_TITLE}


def test_the_films_of_a_dcmqrscp_by_c_get(
    sqlite_database: Database, tmp_path: Path, films: list[Path], uids: list[str]
) -> None:
    with (
        gateway(sqlite_database, tmp_path / "spool", free_port()) as place,
        archive(tmp_path / "archive", free_port(), *films) as archive_port,
    ):
        peer = PeerSettings(name="archive", ae_title=AE_TITLE, host="127.0.0.1", port=archive_port)
        several = FAST.model_copy(update={"studies_at_once": 3})
        assert pull(place, peer, settings=several).complete == 6
        assert list_here(sqlite_database) == uids


def test_a_pacs_that_lets_nobody_ask_is_said(sqlite_database: Database, tmp_path: Path) -> None:
    with (
        gateway(sqlite_database, tmp_path / "spool", free_port()) as place,
        orthanc(tmp_path / "pacs") as server,
        pytest.raises(AnswerError, match="does it allow AE title TBSCREEN to ask"),
    ):
        pull(place, peer_of(server))


def test_a_peer_that_is_no_pacs_and_one_that_is_not_there_are_said(
    sqlite_database: Database, tmp_path: Path
) -> None:
    with gateway(sqlite_database, tmp_path / "spool", free_port()) as place:
        with storescp(tmp_path / "storescp") as server:
            peer = PeerSettings(name="viewer", ae_title="STORESCP", host="127.0.0.1", port=server.port)
            with pytest.raises(PeerRefusesError, match="viewer does not take C-FIND"):
                pull(place, peer)
        with pytest.raises(PeerAwayError, match="viewer: nothing answers"):
            pull(place, peer)
        with sqlite_database.read() as session:
            (row,) = session.scalars(select(Pull)).all()
        assert (row.state, "nothing answers" in str(row.last_error)) == ("idle", True)


def test_a_full_disk_ends_the_pull_and_loses_nothing(
    sqlite_database: Database, tmp_path: Path, pacs: Orthanc, uids: list[str]
) -> None:
    port = free_port()
    with (
        gateway(sqlite_database, tmp_path / "spool", port, reserved_disk_bytes=10**18) as place,
        pytest.raises(DiskFullError, match=r"gateway\.reserved_disk_bytes.*nothing is lost"),
    ):
        pull(place, peer_of(pacs), "get")
    assert states(list_studies(sqlite_database)) == ["wanted"] * 6
    with gateway(sqlite_database, tmp_path / "spool", port) as place:
        assert pull(place, peer_of(pacs), "get").complete == 6
    assert list_here(sqlite_database) == uids


def test_a_pacs_that_lists_few_studies_at_once_is_asked_by_the_hour(
    sqlite_database: Database, tmp_path: Path, pacs: Orthanc
) -> None:
    day = date(2026, 11, 20)
    crowd = [
        make_film(tmp_path, "20261120", hour, StudyTime=f"{hour:02d}3000", Modality="DX")
        for hour in (0, 9, 9, 23)
    ]
    uids = put(pacs, *crowd)
    with gateway(sqlite_database, tmp_path / "spool", free_port()) as place:
        assert pull(place, peer_of(pacs), "get", (day, day)).complete == 4
    assert list_here(sqlite_database) == sorted(uids)
