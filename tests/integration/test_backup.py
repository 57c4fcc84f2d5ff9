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
from tbscreen.backup.creation import back_up
from tbscreen.backup.restoration import restore
from tbscreen.demo.trial import SmallPacs
from tbscreen.processes.serve import Service, running
from tbscreen.settings import FILE_VARIABLE, Settings, load_settings
from tests.films import read, small_film
from tests.integration.conftest import store_raw
from tests.servers.database import fresh_database
from tests.servers.ports import wait_until
from tests.servers.product import GRAPHS_TOML
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
    """The files that outlive the service."""

    folder: Path
    broker_url: str
    pacs: SmallPacs
    answered: list[str] = field(default_factory=list)
    """SOP Instance UIDs of films that were answered with success."""

    @property
    def settings(self) -> Settings:
        return load_settings()

    def use(self, database_url: str) -> None:
        """Let the service use this database from now on."""
        text = SETTINGS.format(
            folder=self.folder,
            database_url=database_url,
            broker_url=self.broker_url,
            pacs_port=self.pacs.port,
        )
        (self.folder / "tbscreen.toml").write_text(text + GRAPHS_TOML)

    def lose_database(self) -> None:
        """As with a disk that broke: nothing of the database is left."""
        url = self.settings.resolve_database_url()
        if url.startswith("sqlite"):
            for file in self.folder.glob("tbscreen.sqlite3*"):
                file.unlink()
            return
        with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")

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

    def back_up_while_sending(self, service: Service) -> Path:
        """Make a backup while films are on their way in, to the worker and to the PACS."""
        path = self.folder / f"{len(self.answered)}.backup"
        before, ending = len(self.answered), threading.Event()

        def go_on_sending() -> None:
            while not ending.is_set():
                self.send(service, 1)

        sender = threading.Thread(target=go_on_sending)
        sender.start()
        try:
            wait_until(lambda: len(self.answered) > before + 1, 30, "films are being sent")
            back_up(self.settings, path)
        finally:
            ending.set()
            sender.join()
        return path

    def wait_until_all_is_reported(self) -> None:
        assert self.pacs.wait_for(len(self.answered), 90)
        wait_until(lambda: set(self.states().values()) == {"screened"}, 30, "all is screened")
        wait_until(lambda: count_pending(self.settings) == 0, 30, "all is delivered")

    def states(self) -> dict[str, str]:
        database = Database.open(self.settings.database_settings())
        try:
            with database.read() as session:
                return dict(session.execute(select(Instance.sop_instance_uid, Instance.state)).all())
        finally:
            database.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    pacs = SmallPacs(tmp_path / "pacs")
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "tbscreen.toml"))
    with redis_server() as broker_url:
        try:
            yield Place(tmp_path, broker_url, pacs)
        finally:
            pacs.stop()


def kill_worker(service: Service) -> None:
    for pid in service.supervisor.pids():
        process = psutil.Process(pid)
        if "worker" in process.cmdline():
            for child in (process, *process.children(recursive=True)):
                child.kill()


def test_every_film_that_was_answered_is_screened_and_reported_once_after_a_restore(
    place: Place, empty_postgresql_url: str, postgresql_server: str
) -> None:
    """From PostgreSQL into SQLite, and from there into another PostgreSQL."""
    place.use(empty_postgresql_url)
    with place.service() as service:
        place.send(service, 2)
        assert place.pacs.wait_for(2, 60)
        first = place.back_up_while_sending(service)
        lost = place.send(service, 2)
        assert place.pacs.wait_for(len(place.answered), 90), "reports of films that the backup does not know"
        kill_worker(service)
        in_redis = place.send(service, 2)
        wait_until(lambda: all(place.states()[uid] == "queued" for uid in in_redis), 60, "they are queued")
    reported = set(place.pacs.received)
    place.lose_database()
    place.use(f"sqlite:///{place.folder}/tbscreen.sqlite3")
    assert restore(place.settings, first).broken_bundles == []
    assert 2 <= len(place.states()) < len(place.answered)
    assert not set(lost + in_redis) & set(place.states())
    with place.service() as service:
        place.send(service, 2)  # they get the numbers that the films in Redis had
        place.wait_until_all_is_reported()
        assert reported < set(place.pacs.received), "the same reports, under the same UIDs"
        assert place.pacs.stores >= len(place.pacs.received) + len(lost), "and they were made and sent again"
        second = place.back_up_while_sending(service)
        place.send(service, 1)
    place.lose_database()
    with fresh_database(postgresql_server) as url:
        place.use(url)
        restore(place.settings, second)
        with place.service() as service:
            place.send(service, 1)
            place.wait_until_all_is_reported()
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
