"""A pull that is stopped or killed goes on where it was; of two gateways with one schedule, one pulls."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from threading import Event

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import select

from db.database import Database
from db.tables import Pull
from dicom_gateway.retrieval.pull import Pull as RunningPull
from dicom_gateway.retrieval.study_fetcher import StudyFetcher
from tests.integration.retrieval.pulls import (
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
from tests.servers.gateway import gateway as gateway_process
from tests.servers.pacs import Orthanc, orthanc
from tests.servers.ports import free_port, wait_until


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory, films: list[Path]) -> Iterator[Orthanc]:
    """An Orthanc with a film a day."""
    with orthanc(tmp_path_factory.mktemp("pacs"), further=OPEN) as server:
        put(server, *films)
        yield server


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
    slowly = command(tmp_path, sqlite_url, pacs, "--films-per-minute", "60")

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
        progress = pull(
            place, peer_of(pacs), "get", (day, day), report=lambda started, _: running.append(started)
        )
        assert progress.stopped
        came = len(list_here(sqlite_database))
        assert 1 <= came < 6
        assert states(list_studies(sqlite_database)) == ["wanted"]
    with gateway(sqlite_database, tmp_path / "spool", free_port()) as place:
        assert pull(place, peer_of(pacs), "get", (day, day)).films == 6 - came
    assert list_here(sqlite_database) == sorted(uids)
    with sqlite_database.read() as session:
        assert session.scalars(select(Pull.last_error)).all() == [None]
