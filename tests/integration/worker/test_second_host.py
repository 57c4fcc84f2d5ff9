"""A worker on a second host: it reaches Redis and PostgreSQL and nothing else, and that is enough."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from redis import Redis
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from db.tables import Instance, Screening
from tbscreen.demo.trial import SmallPacs
from tests.films import read, small_film
from tests.integration.conftest import store_raw
from tests.servers.database import postgresql
from tests.servers.ports import free_port, wait_until
from tests.servers.product import make_environment, product
from tests.servers.redis import redis_server
from tests.servers.second_host import SecondHost, listening_ports, second_host
from tests.unit.worker.conftest import register
from tests.unit.worker.networks import write_network

OUTAGE_FILMS = 3


@dataclass(frozen=True)
class TwoHosts:
    """A first host with gateway, courier, Redis, PostgreSQL and PACS, and a second one with a worker."""

    second: SecondHost
    worker: subprocess.Popen[bytes]
    log: Path
    """Return the log of the worker."""
    database: Database
    pacs: SmallPacs
    folder: Path
    """The data folder of the first host."""
    dicom_port: int
    servers: dict[str, str]
    """Settings that name Redis and PostgreSQL."""

    def send(self, folder: Path, number: int) -> str:
        """Send a film to the gateway; returns its SOP Instance UID."""
        film = small_film(folder, number)
        assert store_raw(self.dicom_port, film) == 0x0000
        return str(read(film).SOPInstanceUID)

    def find_instance(self, session: Session, uid: str) -> Instance | None:
        """Return a film's row."""
        return session.scalars(select(Instance).where(Instance.sop_instance_uid == uid)).one_or_none()

    def state(self, uid: str) -> str | None:
        """Return the state of a film, None before it is received."""
        with self.database.read() as session:
            instance = self.find_instance(session, uid)
            return None if instance is None else instance.state

    def wait_for_screening(self, uid: str) -> Screening:
        """Return a film's one result."""
        wait_until(lambda: self.state(uid) == "screened", 60, f"screened; see {self.log}")
        with self.database.read() as session:
            of_film = select(Screening).join(Instance).where(Instance.sop_instance_uid == uid)
            return session.scalars(of_film).one()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHosts]:
    folder = tmp_path_factory.mktemp("first-host")
    logs = tmp_path_factory.mktemp("logs")
    with ExitStack() as stack:
        second = stack.enter_context(second_host())
        key = secrets.token_hex(8)
        database_url = stack.enter_context(postgresql(address=second.first_address, password=key))
        broker_url = stack.enter_context(redis_server(address=second.first_address, password=key))
        second.open_way(*(int(make_url(url).port or 0) for url in (database_url, broker_url)))
        servers = {"TBSCREEN_DATABASE_URL": database_url, "TBSCREEN_BROKER_URL": broker_url}
        pacs = SmallPacs(folder / "pacs")
        stack.callback(pacs.stop)
        database = Database.open(DatabaseSettings(url=database_url))
        stack.callback(database.close)
        schema.upgrade(database)
        register(database, write_network(folder / "bundle", weight=4.0))

        away = folder / "worker"  # a path of the first host, in whose place the second has its own disk
        ready = away / "ready"
        worker_settings = {
            **servers,
            "TBSCREEN_DATA_DIRECTORY": str(away),
            "TBSCREEN_WORKER__RUNTIME": "keras",
            "TBSCREEN_WORKER__THREADS": "1",
        }
        command = [sys.executable, "-m", "tbscreen", "worker", "--ready-file", str(ready)]
        log = logs / "worker.log"
        environment = make_environment(worker_settings)
        worker = stack.enter_context(second.running(command, environment, folder, log))
        port = free_port()
        gateway_settings = {
            **servers,
            "TBSCREEN_GATEWAY__HOST": "0.0.0.0",
            "TBSCREEN_GATEWAY__PORT": str(port),
            "TBSCREEN_GATEWAY__RESERVED_DISK_BYTES": "0",
            "TBSCREEN_GATEWAY__REDISPATCH_AFTER_S": "3",
        }
        peer = f'[{{"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": {pacs.port}}}]'
        gateway = stack.enter_context(product("gateway", "gateway", folder, gateway_settings))
        courier = stack.enter_context(
            product("courier", "courier", folder, {**servers, "TBSCREEN_PEERS": peer})
        )
        gateway.wait_until_ready()
        courier.wait_until_ready()

        def ready_there() -> bool:
            assert worker.poll() is None, log.read_text("utf-8", "replace")
            return Path(f"/proc/{worker.pid}/root{ready}").exists()

        wait_until(ready_there, 90, f"the worker is ready; see {log}")
        yield TwoHosts(second, worker, log, database, pacs, folder, port, servers)


def test_it_reaches_redis_and_postgresql_and_nothing_else(hosts: TwoHosts) -> None:
    first = hosts.second.first_address
    ways = {(first, make_url(url).port) for url in hosts.servers.values()}
    elsewhere = {
        address.address.split("%")[0]
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family.name in {"AF_INET", "AF_INET6"} and not address.address.startswith("127.")
    }
    assert first in elsewhere
    ports = listening_ports()
    assert {hosts.dicom_port, hosts.pacs.port} < ports
    places = [(address, port) for address in sorted(elsewhere) for port in sorted(ports)]
    seen = hosts.second.look(hosts.worker, places, hosts.folder)
    assert seen.reached == ways
    # What it sees in the place of the first host's folder is its own.
    assert seen.files == ["worker"]
    assert {"pacs", "bundle", "gateway", "courier"} <= {path.name for path in hosts.folder.iterdir()}
    assert not (hosts.folder / "worker").exists()
    assert seen.host == hosts.second.name


def test_it_screens_the_films_of_the_first_host(hosts: TwoHosts, tmp_path: Path) -> None:
    before = len(hosts.pacs.received)
    uids = [hosts.send(tmp_path, number) for number in range(3)]
    screenings = [hosts.wait_for_screening(uid) for uid in uids]
    assert {screening.worker for screening in screenings} == {hosts.second.name}
    assert f"worker={hosts.second.name}" in hosts.log.read_text("utf-8")
    assert hosts.pacs.wait_for(before + 3, 60)


def test_it_takes_up_a_newly_activated_bundle(hosts: TwoHosts, tmp_path: Path) -> None:
    bundle = write_network(tmp_path / "bundle", weight=-4.0, name="next", version="2.0")
    register(hosts.database, bundle)
    before = len(hosts.pacs.received)
    children = psutil.Process(hosts.worker.pid).children()
    screening = hosts.wait_for_screening(hosts.send(tmp_path, 1))
    assert (screening.bundle_digest, screening.worker) == (bundle.digest, hosts.second.name)
    assert psutil.Process(hosts.worker.pid).children() == children
    assert hosts.pacs.wait_for(before + 1, 60)


def test_films_that_are_with_it_when_its_link_goes_down_come_out_once(
    hosts: TwoHosts, tmp_path: Path
) -> None:
    received, stores = len(hosts.pacs.received), hosts.pacs.stores
    (child,) = psutil.Process(hosts.worker.pid).children()
    child.suspend()
    try:
        first = hosts.send(tmp_path, 0)
        wait_until(lambda: hosts.state(first) == "queued", 30, "the film is handed over")
        wait_until(lambda: waiting(hosts) == 0, 30, "the worker has taken it")
        with hosts.second.link_down():
            child.resume()
            uids = [first, *(hosts.send(tmp_path, number) for number in range(1, OUTAGE_FILMS))]
            # The first one is handed over again: its worker said nothing for so long.
            wait_until(
                lambda: waiting(hosts) >= OUTAGE_FILMS and {hosts.state(uid) for uid in uids} == {"queued"},
                30,
                "all films wait in the queue",
            )
            assert hosts.worker.poll() is None
    finally:
        child.resume()
    screenings = [hosts.wait_for_screening(uid) for uid in uids]
    assert {screening.worker for screening in screenings} == {hosts.second.name}
    assert hosts.pacs.wait_for(received + OUTAGE_FILMS, 60)
    wait_until(lambda: waiting(hosts) == 0, 60, "what was handed over twice is taken twice")
    assert len(hosts.pacs.received) - received == hosts.pacs.stores - stores == OUTAGE_FILMS
    with hosts.database.read() as session:
        for uid in uids:
            instance = hosts.find_instance(session, uid)
            assert instance is not None
            assert instance.screening_attempts == 1


def test_films_come_out_once_although_the_link_is_silent_and_redis_forgets_the_worker(
    hosts: TwoHosts, tmp_path: Path
) -> None:
    """No packet tells the worker that the other ends of its connections are gone."""
    received = len(hosts.pacs.received)
    with hosts.second.silent():
        with Redis.from_url(hosts.servers["TBSCREEN_BROKER_URL"]) as client:
            assert client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") > 0
        with hosts.database.read() as session:
            ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE client_addr = :host"
            dead = session.execute(text(ended), {"host": hosts.second.address}).scalar_one()
        assert dead > 0
        uid = hosts.send(tmp_path, 0)
        wait_until(lambda: hosts.state(uid) == "queued", 30, "the film waits")
    assert hosts.worker.poll() is None
    wait_until(lambda: hosts.state(uid) == "screened", 75, f"screened; see {hosts.log}")
    assert hosts.pacs.wait_for(received + 1, 60)


def test_a_host_that_vanishes_within_a_transaction_gives_its_locks_back(
    hosts: TwoHosts, tmp_path: Path
) -> None:
    uid = hosts.send(tmp_path, 0)
    hosts.wait_for_screening(uid)
    script = tmp_path / "hold.py"
    script.write_text(HOLDING)
    command = ["ip", "netns", "exec", hosts.second.namespace, sys.executable, str(script)]
    url = hosts.servers["TBSCREEN_DATABASE_URL"]
    with subprocess.Popen([*command, url], env=make_environment({}), stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == b"held\n"
            with hosts.second.silent():
                with pytest.raises(OperationalError, match="lock timeout"), hosts.database.write() as session:
                    session.execute(text("SELECT id FROM studies FOR UPDATE"))  # bounded, too
                wait_until(lambda: not is_locked(hosts.database), 60, "the server has noticed")
        finally:
            holder.kill()


HOLDING = """
import sys, time
from sqlalchemy import text
from db.database import Database
from db.settings import DatabaseSettings
with Database.open(DatabaseSettings(url=sys.argv[1])).write() as session:
    session.execute(text("SELECT id FROM studies FOR UPDATE"))
    print("held", flush=True)
    time.sleep(600)
"""


def is_locked(database: Database) -> bool:
    """True while another transaction holds the rows of the studies."""
    try:
        with database.write() as session:
            session.execute(text("SELECT id FROM studies FOR UPDATE NOWAIT"))
    except OperationalError:
        return True
    return False


def test_it_leaves_when_it_is_told_to(hosts: TwoHosts, tmp_path: Path) -> None:
    hosts.worker.send_signal(signal.SIGTERM)
    assert hosts.worker.wait(timeout=30) == 0, hosts.log.read_text("utf-8", "replace")
    uid = hosts.send(tmp_path, 0)
    wait_until(lambda: hosts.state(uid) == "queued", 30, "the film waits for another worker")
    assert waiting(hosts) >= 1


def waiting(hosts: TwoHosts) -> int:
    """Return how many messages no worker has taken."""
    from dicom_gateway.dispatch import Dispatcher

    dispatcher = Dispatcher(hosts.servers["TBSCREEN_BROKER_URL"])
    try:
        return dispatcher.queue_length()
    finally:
        dispatcher.close()
