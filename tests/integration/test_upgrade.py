"""An upgrade: processes of the version before beside ours, on a database that ours migrated.

The code of the version before comes from the history, by the commit that `db/migrations/previous.toml` names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select

from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from db.states import FilmState
from db.tables import Instance, Screening
from tbscreen.demo.trial import SmallPacs
from tests.films import read, small_film
from tests.integration.conftest import store_raw
from tests.schema_contract import find_contractions
from tests.servers.database import fresh_database
from tests.servers.ports import free_port, wait_until
from tests.servers.previous_version import extract_previous, read_previous
from tests.servers.product import HERE, Product, product, run_command

OLD, NEW = "old", "new"


@dataclass
class Upgrade:
    """Two gateways and two workers of different versions on one database, crosswise, and two couriers."""

    old_code: Path
    folder: Path
    database: Database
    pacs: SmallPacs
    ports: dict[str, int]
    """Of the gateways, by version."""
    brokers: dict[str, str]
    """By the version of the gateway; its worker is of the other one."""
    old_worker: Product
    new_gateway: Product | None = None
    contractions: list[str] = field(default_factory=list)
    """What the tables that the version before had made lost by our migrations."""
    early: str = ""
    """A film that the old gateway received before the migration."""

    def values(self, broker: str) -> dict[str, str]:
        """Return the settings that all processes share."""
        url = self.database.engine.url.render_as_string(hide_password=False)
        return {"TBSCREEN_DATABASE_URL": url, "TBSCREEN_BROKER_URL": broker}

    def send(self, version: str, **changes: object) -> str:
        """Send a film to the gateway of a version; returns its SOP Instance UID."""
        film = small_film(self.folder, len(self.pacs.received), **changes)
        assert store_raw(self.ports[version], film) == 0x0000
        return str(read(film).SOPInstanceUID)

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


@pytest.fixture(scope="module")
def upgrade(
    postgresql_server: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upgrade]:
    """What an administrator does, as docs/upgrading.md says, and stops half-way."""
    folder = tmp_path_factory.mktemp("upgrade")
    old_code = extract_previous(folder / "previous")
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(postgresql_server))
        database = Database.open(DatabaseSettings(url=url))
        stack.callback(database.close)
        pacs = SmallPacs(folder / "pacs")
        stack.callback(pacs.stop)
        brokers = {OLD: redis_url.replace("/0", "/11"), NEW: redis_url.replace("/0", "/12")}
        ports = {OLD: free_port(), NEW: free_port()}

        def start(kind: str, version: str, broker: str, **further: str) -> Product:
            values = {
                "TBSCREEN_DATABASE_URL": url,
                "TBSCREEN_BROKER_URL": broker,
                **{f"TBSCREEN_{name}": value for name, value in further.items()},
            }
            code = old_code if version == OLD else HERE
            return stack.enter_context(product(kind, f"{version}-{kind}", folder, values, code))

        # The version before, as it stood.
        plain = {"TBSCREEN_DATABASE_URL": url, "TBSCREEN_BROKER_URL": redis_url}
        run_command("db", "upgrade", place=folder, values=plain, code=old_code)
        made = MetaData()
        made.reflect(database.engine)
        old_worker = start("worker", OLD, brokers[NEW], **worker_settings(OLD))
        old_gateway = start("gateway", OLD, brokers[OLD], **gateway_settings(OLD, ports[OLD]))
        old_gateway.wait_until_ready()
        found = Upgrade(old_code, folder, database, pacs, ports, brokers, old_worker)
        found.early = found.send(OLD)
        wait_until(lambda: found.is_queued(found.early), 30, "the film waits for a worker")
        old_worker.wait_until_ready()

        # The upgrade.
        run_command("db", "upgrade", place=folder, values=plain)
        now = MetaData()
        now.reflect(database.engine)
        found.contractions = find_contractions(made, now)
        peer = f'[{{"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": {pacs.port}}}]'
        found.new_gateway = start("gateway", NEW, brokers[NEW], **gateway_settings(NEW, ports[NEW]))
        processes = [
            found.new_gateway,
            start("courier", OLD, redis_url, PEERS=peer),
            start("courier", NEW, redis_url, PEERS=peer),
            start("worker", NEW, brokers[OLD], **worker_settings(NEW)),
        ]
        for process in processes:
            process.wait_until_ready()
        yield found


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
    assert read_previous().migration != schema.newest_revision()


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


def test_a_doubt_that_an_old_worker_does_not_know_waits_for_a_new_one(upgrade: Upgrade) -> None:
    before = len(upgrade.pacs.received)
    unsure = upgrade.send(NEW, PhotometricInterpretation="MONOCHROME2")
    log = upgrade.old_worker.log
    wait_until(lambda: "guard_unsure" in log.read_text("utf-8"), 60, "the old worker stumbles over it")
    sound = upgrade.send(NEW)
    assert upgrade.wait_for_screening(sound).worker == OLD
    film, screening = upgrade.find(unsure)
    assert (film.state, film.screening_attempts, screening) == ("queued", 0, None)

    # The gateway goes to the broker where a new worker is.
    assert upgrade.new_gateway is not None
    upgrade.new_gateway.process.terminate()
    upgrade.new_gateway.process.wait(timeout=60)
    values = upgrade.values(upgrade.brokers[OLD])
    values |= {f"TBSCREEN_{name}": value for name, value in gateway_settings(NEW, free_port()).items()}
    with product("gateway", "new-gateway", upgrade.folder, values):
        screening = upgrade.wait_for_screening(unsure)
    assert (screening.worker, screening.finding) == (NEW, "undetermined")
    assert upgrade.find(unsure)[0].screening_attempts == 1
    assert upgrade.pacs.wait_for(before + 2, 60)


def test_the_version_before_shows_what_both_have_made(upgrade: Upgrade) -> None:
    values = upgrade.values(upgrade.brokers[NEW])
    command = ("worklist", "--json")
    shown = json.loads(run_command(*command, place=upgrade.folder, values=values, code=upgrade.old_code))
    with upgrade.database.read() as session:
        count = len(session.scalars(select(Instance.id)).all())
    assert len(shown["studies"]) == count == 9
    assert {study["state"] for study in shown["studies"]} == {"screened"}
