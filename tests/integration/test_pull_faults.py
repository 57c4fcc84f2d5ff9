"""A pull is killed, a PACS goes in the middle or refuses: what is missing comes later, nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from threading import Event

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import select

from db.database import Database
from db.tables import Pull
from dicom_gateway.pull import Pull as RunningPull
from dicom_gateway.pull_association import AnswerError, PeerAwayError, PeerRefusesError
from dicom_gateway.pull_progress import PullProgress
from dicom_gateway.settings import PeerSettings
from dicom_gateway.study_fetcher import DiskFullError, StudyFetcher
from tests.films import read
from tests.integration.pulls import (
    FAST,
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
from tests.servers.gateway import gateway as gateway_process
from tests.servers.pacs import Orthanc, orthanc, storescp
from tests.servers.ports import free_port, wait_until

OPEN = {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True, "DicomAlwaysAllowMove": True}
"""Orthanc otherwise ends the association of whoever asks and is not in its table."""

DAYS = [f"202611{day:02d}" for day in range(1, 7)]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A study a day with one film."""
    folder = tmp_path_factory.mktemp("films")
    return [make_film(folder, day, number) for number, day in enumerate(DAYS)]


@pytest.fixture(scope="module")
def uids(films: list[Path]) -> list[str]:
    return sorted(str(read(film).SOPInstanceUID) for film in films)


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory, films: list[Path]) -> Iterator[Orthanc]:
    """An Orthanc that knows no destination, and answers with two studies at most."""
    with orthanc(tmp_path_factory.mktemp("pacs"), further={**OPEN, "LimitFindResults": 2}) as server:
        put(server, *films)
        yield server


@pytest.mark.parametrize("method", ["get", "move"])
def test_a_pacs_that_dies_in_the_middle_and_comes_back(
    sqlite_database: Database, tmp_path: Path, films: list[Path], uids: list[str], method: str
) -> None:
    port, dicom_port = free_port(), free_port()
    died = Event()
    with ExitStack() as servers, gateway(sqlite_database, tmp_path / "spool", port) as place:
        pacs = orthanc(tmp_path / "pacs", port, route=False, dicom_port=dicom_port)
        server = servers.enter_context(pacs)
        put(server, *films)

        def kill_after_two(_: RunningPull, progress: PullProgress) -> None:
            if progress.films == 2 and not died.is_set():
                server.kill()
                died.set()

        impatient = FAST.model_copy(update={"patience_s": 0.5})
        with pytest.raises(PeerAwayError, match=f"nothing answers at 127.0.0.1:{dicom_port}"):
            pull(place, peer_of(server), method, settings=impatient, report=kill_after_two)
        assert states(list_studies(sqlite_database)) == ["complete"] * 2 + ["wanted"] * 4

        patient = FAST.model_copy(update={"patience_s": 60})
        waits = Event()

        def wait(_: RunningPull, progress: PullProgress) -> None:
            if "tried again" in progress.waiting_for:
                waits.set()

        with ThreadPoolExecutor(1) as thread:
            running = thread.submit(pull, place, peer_of(server), method, settings=patient, report=wait)
            assert waits.wait(timeout=30), "it waits for the PACS"
            servers.enter_context(orthanc(tmp_path / "pacs", port, route=False, dicom_port=dicom_port))
            progress = running.result(timeout=60)
        assert (progress.here, progress.complete, progress.films) == (2, 4, 4)
        assert list(place.spool.incoming.iterdir()) == []
        assert list_here(sqlite_database) == uids


def command(data: Path, url: str, server: Orthanc, *words: str) -> list[str]:
    peer = {"name": "pacs", "ae_title": server.ae_title, "host": "127.0.0.1", "port": server.dicom_port}
    settings = {
        "DATA_DIRECTORY": str(data),
        "DATABASE_URL": url,
        "PEERS": json.dumps([peer]),
        "PULL__LEASE_S": "1",
        "PULL__METHOD": "get",
        "GATEWAY__RESERVED_DISK_BYTES": "0",
    }
    given = [f"TBSCREEN_{name}={value}" for name, value in settings.items()]
    tbscreen = [sys.executable, "-m", "tbscreen", "pull", "--peer", "pacs", "--json"]
    return ["/usr/bin/env", *given, *tbscreen, "--from", "2026-11-01", "--to", "2026-11-07", *words]


def test_a_command_that_is_stopped_or_killed_goes_on_where_it_was(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path, pacs: Orthanc, uids: list[str]
) -> None:
    slowly = command(tmp_path, sqlite_url, pacs, "--films-per-minute", "200")

    def begin(films: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(slowly, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: len(list_here(sqlite_database)) >= films, 60, f"{films} films are here")
        return process

    stopped = begin(1)
    stopped.send_signal(signal.SIGINT)
    output, errors = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, errors
    assert json.loads(output)["stopped"] is True
    assert "fetching" not in states(list_studies(sqlite_database))
    came = len(list_here(sqlite_database))
    assert 1 <= came <= 3

    killed = begin(came + 2)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    assert came + 2 <= len(list_here(sqlite_database)) < len(uids)

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(tmp_path, sqlite_url, pacs), capture_output=True, text=True, check=False, timeout=60
        )

    done = [run()]
    while done[-1].returncode == 1 and "is at this pull" in done[-1].stderr and len(done) < 10:
        done.append(run())  # the lease of the killed one lasts a second
    assert done[-1].returncode == 0, done[-1].stderr
    progress = json.loads(done[-1].stdout)
    assert progress["found"] == 6
    assert progress["here"] >= came + 1
    assert progress["is_complete"] is True
    assert list_here(sqlite_database) == uids
    with sqlite_database.read() as session:
        assert session.scalars(select(Pull.state)).all() == ["complete"]
    assert list((tmp_path / "spool" / "incoming").iterdir()) == []


def test_of_two_gateways_with_the_same_schedule_each_film_comes_once_and_one_may_die(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    today = date.today().strftime("%Y%m%d")
    films = [make_film(tmp_path, today, number) for number in range(4)]
    with orthanc(tmp_path / "pacs", further=OPEN) as server, ExitStack() as stack:
        peer = {"name": "pacs", "ae_title": server.ae_title, "host": "127.0.0.1", "port": server.dicom_port}
        settings = {
            "TBSCREEN_PEERS": json.dumps([peer]),
            "TBSCREEN_PULLS": json.dumps([{"name": "new", "peer": "pacs", "every_minutes": 0.01, "days": 1}]),
            "TBSCREEN_PULL__LEASE_S": "1",
            "TBSCREEN_PULL__METHOD": "get",
            "TBSCREEN_PULL__FILMS_PER_MINUTE": "600",
            "TBSCREEN_LOG_FORMAT": "json",
        }
        uids = put(server, *films)
        gateways = {
            name: stack.enter_context(
                gateway_process(
                    tmp_path / name, free_port(), sqlite_url, {"TBSCREEN_GATEWAY__NAME": name, **settings}
                )
            )
            for name in ("north", "south")
        }

        def received() -> int:
            logs = [(tmp_path / f"{name}.log").read_text() for name in gateways]
            return sum(log.count('"film received"') for log in logs)

        wait_until(lambda: len(list_here(sqlite_database)) == 4, 60, "all films are here")
        wait_until(lambda: states(list_studies(sqlite_database)) == ["complete"] * 4, 30, "and noted")
        with sqlite_database.read() as session:
            first = session.scalars(select(Pull)).one().started_at

        def rounds() -> bool:
            with sqlite_database.read() as session:
                return session.scalars(select(Pull)).one().started_at != first

        wait_until(rounds, 30, "another round")
        assert received() == 4, "no film came twice"
        gateways["north"].kill()
        uids += put(server, make_film(tmp_path, today, 9))
        wait_until(lambda: list_here(sqlite_database) == sorted(uids), 60, "the other one goes on")
        assert list_rows(sqlite_database)[-1].gateway == "south"
        assert received() == 5


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


def test_a_pull_that_is_stopped_cancels_what_the_pacs_is_sending(
    sqlite_database: Database, tmp_path: Path, pacs: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = date(2026, 11, 25)
    same: dict[str, object] = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
    uids = put(pacs, *(make_film(tmp_path, "20261125", number, **same) for number in range(6)))
    running: list[RunningPull] = []
    cancelled = Event()
    cancel = StudyFetcher.cancel

    def cancel_and_say(fetcher: StudyFetcher) -> None:
        cancel(fetcher)
        cancelled.set()

    def stop_at_the_first() -> None:
        running[0].stop()
        assert cancelled.wait(timeout=30)

    monkeypatch.setattr(StudyFetcher, "cancel", cancel_and_say)
    with gateway(sqlite_database, tmp_path / "spool", free_port(), received=stop_at_the_first) as place:
        progress = pull(place, peer_of(pacs), "get", (day, day), report=lambda one, _: running.append(one))
        assert progress.stopped
        came = len(list_here(sqlite_database))
        assert 1 <= came < 6
        assert states(list_studies(sqlite_database)) == ["wanted"]
    with gateway(sqlite_database, tmp_path / "spool", free_port()) as place:
        assert pull(place, peer_of(pacs), "get", (day, day)).films == 6 - came
    assert list_here(sqlite_database) == sorted(uids)
    with sqlite_database.read() as session:
        assert session.scalars(select(Pull.last_error)).all() == [None]


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
