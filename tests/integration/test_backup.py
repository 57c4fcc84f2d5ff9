"""A backup is made while films are sent; the database is destroyed, restored, and the service goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pytest
from pydicom import dcmread
from sqlalchemy import select

from db.database import Database
from db.tables import Delivery, Instance, ReportObject, Screening
from tbscreen.backing_up import back_up
from tbscreen.restoring import restore
from tbscreen.serve import Service, running
from tbscreen.settings import FILE_VARIABLE, Settings, load_settings
from tbscreen.trial import SmallPacs
from tests.films import read, small_film
from tests.integration.conftest import store_raw
from tests.servers.ports import wait_until
from tests.servers.redis import redis_server

SETTINGS = """\
data_directory = "{folder}/data"
database_url = "{database_url}"
broker_url = "{broker_url}"

[gateway]
name = "gateway-1"
host = "127.0.0.1"
port = 0
reserved_disk_bytes = 0
redispatch_after_s = 5.0

[web]
port = 0

[[peers]]
name = "pacs"
ae_title = "PACS"
host = "127.0.0.1"
port = {pacs_port}
"""


@dataclass
class Place:
    """What outlives the service."""

    folder: Path
    settings: Settings
    pacs: SmallPacs
    answered: list[str] = field(default_factory=list)
    """SOP Instance UIDs of films that were answered with success."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def service(self) -> Iterator[Service]:
        with (
            (self.folder / "log.txt").open("ab") as output,
            running(self.settings, lambda _: None, output) as service,
        ):
            yield service

    def send(self, service: Service, count: int) -> list[str]:
        sent = []
        for _ in range(count):
            path = small_film(self.folder, len(self.answered) + 1)
            assert store_raw(service.dicom_port, path) == 0x0000
            sent.append(str(read(path).SOPInstanceUID))
            self.answered.append(sent[-1])
        return sent

    def states(self) -> dict[str, str]:
        database = Database.open(self.settings.database_settings())
        try:
            with database.read() as session:
                return dict(session.execute(select(Instance.sop_instance_uid, Instance.state)).all())
        finally:
            database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    pacs = SmallPacs(tmp_path / "pacs")
    with redis_server() as broker_url:
        database_url = f"sqlite:///{tmp_path}/tbscreen.sqlite3"
        if request.param == "postgresql":
            database_url = request.getfixturevalue("empty_postgresql_url")
        file = tmp_path / "tbscreen.toml"
        file.write_text(
            SETTINGS.format(
                folder=tmp_path, database_url=database_url, broker_url=broker_url, pacs_port=pacs.port
            )
        )
        monkeypatch.setenv(FILE_VARIABLE, str(file))
        try:
            yield Place(tmp_path, load_settings(), pacs)
        finally:
            pacs.stop()


def destroy(settings: Settings) -> None:
    """As a disk that broke: nothing of the database is left."""
    url = settings.resolve_database_url()
    if url.startswith("sqlite"):
        for file in Path(url.removeprefix("sqlite:///")).parent.glob("tbscreen.sqlite3*"):
            file.unlink()
        return
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def kill_worker(service: Service) -> None:
    for pid in service.supervisor.pids():
        process = psutil.Process(pid)
        if "worker" in process.cmdline():
            for one in (process, *process.children(recursive=True)):
                one.kill()


def test_every_film_that_was_answered_is_screened_and_reported_once_after_a_restore(place: Place) -> None:
    backup = place.folder / "night.backup"
    with place.service() as service:
        place.send(service, 2)
        assert place.pacs.wait_for(2, 60)
        ending = threading.Event()

        def go_on_sending() -> None:
            while not ending.is_set():
                place.send(service, 1)

        sender = threading.Thread(target=go_on_sending)
        sender.start()
        try:
            wait_until(lambda: len(place.answered) > 4, 30, "films are being sent")
            back_up(place.settings, backup)
        finally:
            ending.set()
            sender.join()
        lost = place.send(service, 2)
        assert place.pacs.wait_for(len(place.answered), 90), "reports of films that the backup does not know"
        kill_worker(service)
        in_redis = place.send(service, 2)
        wait_until(lambda: all(place.states()[uid] == "queued" for uid in in_redis), 60, "they are queued")
    reported = dict(place.pacs.received)
    destroy(place.settings)
    assert restore(place.settings, backup).broken_bundles == []
    states = place.states()
    assert 2 <= len(states) < len(place.answered)
    assert not set(lost + in_redis) & set(states)
    with place.service() as service:
        place.send(service, 2)  # on SQLite they get the numbers that the films in Redis had
        assert place.pacs.wait_for(len(place.answered), 90)
        wait_until(lambda: set(place.states().values()) == {"screened"}, 30, "all is screened")
        wait_until(lambda: count_pending(place.settings) == 0, 30, "all is delivered")
    assert set(reported) < set(place.pacs.received), "the same reports, under the same UIDs"
    assert place.pacs.stores >= len(place.pacs.received) + len(lost), "and they were made and sent again"
    films = [film_of(path) for path, _ in place.pacs.received.values()]
    assert sorted(films) == sorted(place.answered), "one report for each film"
    assert_one_screening_each(place)


def count_pending(settings: Settings) -> int:
    database = Database.open(settings.database_settings())
    try:
        with database.read() as session:
            return session.query(Delivery).filter(Delivery.state != "delivered").count()
    finally:
        database.close()


def film_of(report: Path) -> str:
    """Return the SOP Instance UID of the film that a report is about."""
    evidence = dcmread(report, force=True).CurrentRequestedProcedureEvidenceSequence
    return str(evidence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID)


def assert_one_screening_each(place: Place) -> None:
    database = Database.open(place.settings.database_settings())
    try:
        with database.read() as session:
            pairs = session.execute(
                select(Instance.sop_instance_uid, ReportObject.sop_instance_uid)
                .join(Screening, Screening.instance_id == Instance.id)
                .join(ReportObject, ReportObject.screening_id == Screening.id)
            ).all()
    finally:
        database.close()
    assert sorted(film for film, _ in pairs) == sorted(place.answered)
    assert {report for _, report in pairs} == set(place.pacs.received)
