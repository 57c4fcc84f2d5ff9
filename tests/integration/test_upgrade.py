"""An upgrade: processes of a version before beside ours, on a database that ours migrated.

The code of the versions before comes from the history, by the commits in `db/migrations/previous.toml`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from httpx import Client
from sqlalchemy import MetaData, select

from db import schema
from db.database import Database
from db.models import bundles
from db.settings import DatabaseSettings
from db.states import FilmState
from db.tables import Instance, Screening, Study
from domain.bundle.bundle import open_bundle
from tbscreen.demo.trial import SmallPacs
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tests.films import read, small_film
from tests.integration.conftest import store_raw
from tests.schema_contract import find_contractions
from tests.servers.database import fresh_database
from tests.servers.peers.mllp_receiver import MllpReceiver
from tests.servers.ports import free_port, wait_until
from tests.servers.previous_version import Previous, extract_previous, list_previous
from tests.servers.product import HERE, Product, product, run_command
from tests.unit.web.browsers import read_csrf
from tests.unit.web.reading_room import PASSWORD, add_users

OLD, NEW = "old", "new"
DEFAULT = DEFAULT_BUNDLE.relative_to(HERE)


@dataclass
class Upgrade:
    """Two gateways and two workers of different versions, crosswise, with two couriers and two pages.

    All are on one database.
    """

    previous: Previous
    old_code: Path
    folder: Path
    database: Database
    pacs: SmallPacs
    receiver: MllpReceiver
    """Gets the HL7 messages of the new courier; the old one knows none."""
    stack: ExitStack
    brokers: dict[str, str]
    """By the version of the gateway; its worker is of the other one."""
    ports: dict[str, int] = field(default_factory=lambda: {OLD: free_port(), NEW: free_port()})
    """Of the gateways, by version."""
    pages: dict[str, int] = field(default_factory=lambda: {OLD: free_port(), NEW: free_port()})
    """Ports of the pages, by version."""
    processes: dict[tuple[str, str], Product] = field(default_factory=dict)
    """By kind and version."""
    contractions: list[str] = field(default_factory=list)
    """Losses of the tables of the version before by our migrations."""
    early: str = ""
    """A film that the old gateway received before the migration."""
    sent: list[str] = field(default_factory=list)
    """SOP Instance UIDs of all films."""

    @property
    def peer(self) -> str:
        """The PACS, as a setting of couriers."""
        return f'[{{"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": {self.pacs.port}}}]'

    def values(self, broker: str) -> dict[str, str]:
        """Return the settings that all processes share."""
        url = self.database.engine.url.render_as_string(hide_password=False)
        return {"TBSCREEN_DATABASE_URL": url, "TBSCREEN_BROKER_URL": broker}

    def start(self, kind: str, version: str, broker: str, **further: str) -> Product:
        """Start a process of a version; does not wait for it."""
        values = self.values(broker) | {f"TBSCREEN_{name}": value for name, value in further.items()}
        code = self.old_code if version == OLD else HERE
        running = product(kind, f"{version}-{kind}", self.folder, values, code)
        self.processes[kind, version] = self.stack.enter_context(running)
        return self.processes[kind, version]

    def start_courier(self, version: str) -> Product:
        """Start the courier of a version; does not wait for it."""
        further = {"PEERS": self.peer}
        if version == NEW:
            receiver = {"name": "ris", "host": "127.0.0.1", "port": self.receiver.port}
            further["HL7__RECEIVERS"] = json.dumps([receiver])
        return self.start("courier", version, self.brokers[version], **further)

    def end(self, kind: str, version: str) -> None:
        """End a process as a service manager does, and wait until it has ended."""
        process = self.processes[kind, version].process
        process.terminate()
        process.wait(timeout=60)

    def send(self, version: str, **changes: object) -> str:
        """Send a film to the gateway of a version; returns its SOP Instance UID."""
        film = small_film(self.folder, len(self.sent), **changes)
        assert store_raw(self.ports[version], film) == 0x0000
        self.sent.append(str(read(film).SOPInstanceUID))
        return self.sent[-1]

    def count_messages(self, uids: list[str]) -> list[int]:
        """Return how many HL7 messages came on each of these films."""
        received = list(self.receiver.received)
        return [sum(uid.encode() in message for message in received) for uid in uids]

    def is_queued(self, uid: str) -> bool:
        """True when a film waits for a worker; also on the tables of the version before."""
        with self.database.read() as session:
            state = select(Instance.state).where(Instance.sop_instance_uid == uid)
            return session.scalars(state).one() == FilmState.QUEUED

    def find(self, uid: str) -> tuple[Instance, Screening | None]:
        """Return a film's row and its result."""
        with self.database.read() as session:
            instance = session.scalars(select(Instance).where(Instance.sop_instance_uid == uid)).one()
            of_film = select(Screening).where(Screening.instance_id == instance.id)
            return instance, session.scalars(of_film).one_or_none()

    def wait_for_screening(self, uid: str) -> Screening:
        """Return a film's one result."""
        wait_until(lambda: self.find(uid)[1] is not None, 60, "the film is screened")
        screening = self.find(uid)[1]
        assert screening is not None
        return screening

    def read_page(self, version: str, path: str) -> str:
        """Log in to the page of a version as a reader, and return what it shows under `path`."""
        with Client(base_url=f"http://127.0.0.1:{self.pages[version]}") as browser:
            form = {"csrf": read_csrf(browser.get("/login").text), "name": "rosa", "password": PASSWORD}
            assert browser.post("/login", data=form).status_code == 303
            shown = browser.get(path)
            assert shown.status_code == 200
            return shown.text


@pytest.fixture(scope="module", params=list_previous(), ids=str)
def upgrade(
    request: pytest.FixtureRequest,
    postgresql_server: str,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Upgrade]:
    """The steps of docs/administrator/upgrading.md, stopped half-way."""
    folder = tmp_path_factory.mktemp("upgrade")
    old_code = extract_previous(request.param, folder / "previous")
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(postgresql_server))
        database = Database.open(DatabaseSettings(url=url))
        stack.callback(database.close)
        pacs = SmallPacs(folder / "pacs")
        stack.callback(pacs.stop)
        receiver = MllpReceiver()
        stack.callback(receiver.go_away)
        places = ("11", "12") if request.param is list_previous()[0] else ("13", "14")
        brokers = {
            version: redis_url.replace("/0", f"/{place}")
            for version, place in zip((OLD, NEW), places, strict=True)
        }
        upgrade = Upgrade(request.param, old_code, folder, database, pacs, receiver, stack, brokers)

        # The version before, as it stood.
        values = upgrade.values(redis_url)
        run_command("db", "upgrade", place=folder, values=values, code=old_code)
        made = MetaData()
        made.reflect(database.engine)
        upgrade.start("worker", OLD, brokers[NEW], **worker_settings(OLD))
        upgrade.start("gateway", OLD, brokers[OLD], **gateway_settings(OLD, upgrade.ports[OLD]))
        upgrade.start("web", OLD, redis_url, WEB__PORT=str(upgrade.pages[OLD]))
        upgrade.processes["gateway", OLD].wait_until_ready()
        upgrade.early = upgrade.send(OLD)
        wait_until(lambda: upgrade.is_queued(upgrade.early), 30, "the film waits for a worker")
        upgrade.processes["worker", OLD].wait_until_ready()
        upgrade.processes["web", OLD].wait_until_ready()

        # The upgrade.
        run_command("db", "upgrade", place=folder, values=values)
        now = MetaData()
        now.reflect(database.engine)
        upgrade.contractions = find_contractions(made, now)
        add_users(database)
        for process in (
            upgrade.start("gateway", NEW, brokers[NEW], **gateway_settings(NEW, upgrade.ports[NEW])),
            upgrade.start_courier(OLD),
            upgrade.start_courier(NEW),
            upgrade.start("web", NEW, redis_url, WEB__PORT=str(upgrade.pages[NEW])),
            upgrade.start("worker", NEW, brokers[OLD], **worker_settings(NEW)),
        ):
            process.wait_until_ready()
        yield upgrade


def worker_settings(name: str) -> dict[str, str]:
    """Return the settings of a worker, as both versions know them, without their prefix."""
    return {"WORKER__NAME": name, "WORKER__RUNTIME": "keras", "WORKER__THREADS": "1"}


def gateway_settings(name: str, port: int) -> dict[str, str]:
    """Return the settings of a gateway, as both versions know them, without their prefix."""
    return {
        "GATEWAY__NAME": name,
        "GATEWAY__HOST": "127.0.0.1",
        "GATEWAY__PORT": str(port),
        "GATEWAY__RESERVED_DISK_BYTES": "0",
        "GATEWAY__REDISPATCH_AFTER_S": "3",
    }


def test_what_the_version_before_used_of_the_database_is_still_there(upgrade: Upgrade) -> None:
    assert upgrade.contractions == []
    assert schema.find_revision(upgrade.database) == schema.newest_revision()
    assert list_previous()[-1].migration != schema.newest_revision()


def test_a_film_received_before_the_migration_is_screened_after_it(upgrade: Upgrade) -> None:
    assert upgrade.wait_for_screening(upgrade.early).worker == NEW
    assert upgrade.pacs.wait_for(1, 60)


@pytest.mark.parametrize(("gateway", "worker"), [(OLD, NEW), (NEW, OLD)])
def test_films_come_through_whole_between_two_versions(upgrade: Upgrade, gateway: str, worker: str) -> None:
    before, stores = len(upgrade.pacs.received), upgrade.pacs.stores
    uids = [upgrade.send(gateway) for _ in range(3)]
    screenings = [upgrade.wait_for_screening(uid) for uid in uids]
    assert {screening.worker for screening in screenings} == {worker}
    assert {screening.finding for screening in screenings} <= {"present", "absent"}
    for uid in uids:
        film = upgrade.find(uid)[0]
        assert (film.state, film.screening_attempts, film.gateway) == ("screened", 1, gateway)
    # One report each, whichever of the two couriers took it.
    assert upgrade.pacs.wait_for(before + 3, 60)
    assert (len(upgrade.pacs.received) - before, upgrade.pacs.stores - stores) == (3, 3)
    if worker == NEW:  # an old worker writes nothing for HL7, and an old courier goes past it
        wait_until(lambda: upgrade.count_messages(uids) == [1, 1, 1], 60, "the receiver is told once of each")


@pytest.mark.parametrize(("gateway", "rest"), [(NEW, OLD), (OLD, NEW)])
def test_a_film_passes_from_the_gateway_of_one_version_through_all_processes_of_the_other(
    upgrade: Upgrade, gateway: str, rest: str
) -> None:
    """Worker, courier and page: the other courier rests."""
    upgrade.end("courier", gateway)
    if upgrade.processes["courier", rest].process.poll() is not None:
        upgrade.start_courier(rest).wait_until_ready()
    before, stores = len(upgrade.pacs.received), upgrade.pacs.stores
    uid = upgrade.send(gateway)
    screening = upgrade.wait_for_screening(uid)
    assert screening.worker == rest
    assert upgrade.pacs.wait_for(before + 1, 60)
    assert upgrade.pacs.stores - stores == 1
    report, _ = list(upgrade.pacs.received.values())[-1]
    assert uid.encode() in report.read_bytes()
    with upgrade.database.read() as session:
        of_film = select(Study.study_instance_uid, Study.id).join(Instance)
        study, key = session.execute(of_film.where(Instance.sop_instance_uid == uid)).one()
    worklist = upgrade.read_page(rest, "/")
    assert any(f'href="/studies/{name}"' in worklist for name in (study, key))
    assert re.search(rf"\b{screening.finding}\b", upgrade.read_page(rest, f"/studies/{study}"), re.IGNORECASE)


@pytest.mark.parametrize("upgrade", list_previous()[1:], ids=str, indirect=True)
def test_a_doubt_that_an_old_worker_does_not_know_waits_for_a_new_one(upgrade: Upgrade) -> None:
    before = len(upgrade.pacs.received)
    unsure = upgrade.send(NEW, ViewPosition="", SeriesDescription="lateral")
    log = upgrade.processes["worker", OLD].log
    wait_until(lambda: "header_disagrees" in log.read_text("utf-8"), 60, "the old worker stumbles over it")
    sound = upgrade.send(NEW)
    assert upgrade.wait_for_screening(sound).worker == OLD
    film, screening = upgrade.find(unsure)
    assert film.state in ("received", "queued"), "it waits; a gateway may be at its next dispatch just now"
    assert (film.screening_attempts, screening) == (0, None)

    # The gateway goes to the broker where a new worker is.
    upgrade.end("gateway", NEW)
    values = upgrade.values(upgrade.brokers[OLD])
    values |= {f"TBSCREEN_{name}": value for name, value in gateway_settings(NEW, free_port()).items()}
    with product("gateway", "new-gateway", upgrade.folder, values):
        screening = upgrade.wait_for_screening(unsure)
    assert (screening.worker, screening.finding) == (NEW, "undetermined")
    assert upgrade.find(unsure)[0].screening_attempts == 1
    assert upgrade.pacs.wait_for(before + 2, 60)


def test_the_bundle_of_the_version_before_stays_active_and_screens_at_workers_of_both(
    upgrade: Upgrade,
) -> None:
    before, ours = (open_bundle(code / DEFAULT).digest for code in (upgrade.old_code, HERE))
    assert before != ours
    with upgrade.database.read() as session:
        registered = {model.digest: model.active for model in bundles.list_models(session)}
        made = set(session.execute(select(Screening.worker, Screening.bundle_digest)).tuples())
    assert registered == {before: True, ours: False}
    assert made == {(OLD, before), (NEW, before)}


def test_the_version_before_shows_what_both_have_made(upgrade: Upgrade) -> None:
    values = upgrade.values(upgrade.brokers[NEW])
    command = ("worklist", "--json")
    shown = json.loads(run_command(*command, place=upgrade.folder, values=values, code=upgrade.old_code))
    with upgrade.database.read() as session:
        count = len(session.scalars(select(Instance.id)).all())
    assert len(shown["studies"]) == count == len(upgrade.sent)
    assert {study["state"] for study in shown["studies"]} == {"screened"}
