"""Faults of a site. Each does its harm, then repairs what the site cannot repair by itself.

Every function takes the site and a seeded random source, returns when the fault is over, and raises
`NotInjectedError` when there was nothing to harm.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Final

import psutil
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from chaos.films import Poison
from chaos.kept_process import KeptProcess
from chaos.pacs_door import PacsDoor
from chaos.receiver_faults import receiver_down, receiver_refuses, receiver_silent
from chaos.site import COURIER, GATEWAYS, WORKERS, Site
from domain.errors import PermanentError, TransientError

Fault = Callable[[Site, Random], None]

DRAIN_LIMIT_S: Final = 25.0
"""A process that was told to end and is not gone by then would be killed by its service manager."""
LOOK_S: Final = 3.0
"""Longest wait for the right moment."""


class NotInjectedError(TransientError):
    """There was nothing to harm. The text says why."""


def kill_gateway(site: Site, random: Random) -> None:
    """`kill -9` of a gateway."""
    _kill(site.processes[random.choice(GATEWAYS)])


def kill_gateway_child(site: Site, random: Random) -> None:
    """`kill -9` of a process that decodes, or takes associations, for a gateway."""
    _kill_child(site.processes[random.choice(GATEWAYS)], "spawn_main", random)


def kill_worker(site: Site, random: Random) -> None:
    """`kill -9` of a worker's parent process."""
    _kill(site.processes[random.choice(WORKERS)])


def kill_worker_child(site: Site, random: Random) -> None:
    """`kill -9` of the process that predicts for a worker."""
    _kill_child(site.processes[random.choice(WORKERS)], "", random)


def kill_courier(site: Site, random: Random) -> None:
    """`kill -9` of the courier."""
    del random
    _kill(site.processes[COURIER])


def end_gently(site: Site, random: Random) -> None:
    """SIGTERM to a product process, as at an upgrade: it finishes, hands back, and is gone in time."""
    process = site.processes[random.choice((*GATEWAYS, *WORKERS, COURIER))]
    pid = process.pid
    if pid is None or not process.send_signal(signal.SIGTERM):
        raise NotInjectedError(f"{process.name} was dead already")
    deadline = time.monotonic() + DRAIN_LIMIT_S
    while process.pid == pid:
        if time.monotonic() > deadline:
            process.send_signal(signal.SIGKILL)
            raise PermanentError(f"{process.name} did not end within {DRAIN_LIMIT_S:g} s of SIGTERM")
        time.sleep(0.05)


def kill_redis(site: Site, random: Random) -> None:
    """`kill -9` of Redis, which comes back empty."""
    _keep_down(site.processes["redis"], signal.SIGKILL, random.uniform(0.2, 3.0))


def flush_redis(site: Site, random: Random) -> None:
    """Everything that Redis holds is gone while it runs."""
    del random
    try:
        with Redis.from_url(site.broker_url) as client:
            client.flushall()
    except RedisError as error:
        raise NotInjectedError("Redis was dead already") from error


def stop_postgresql(site: Site, random: Random) -> None:
    """PostgreSQL is shut down at once, or killed, while a client is in the middle of a transaction."""
    busy = text(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
        "AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
    )
    deadline = time.monotonic() + LOOK_S
    with contextlib.suppress(SQLAlchemyError), site.database.read() as session:
        while not session.execute(busy).scalar_one() and time.monotonic() < deadline:
            session.rollback()
    _keep_down(
        site.processes["postgresql"],
        random.choice((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)),
        random.uniform(0.2, 2.5),
    )


def pacs_down(site: Site, random: Random) -> None:
    """`kill -9` of the PACS, which comes back with what it had."""
    _keep_down(site.processes["orthanc"], signal.SIGKILL, random.uniform(1.0, 4.0))


def web_pacs_down(site: Site, random: Random) -> None:
    """`kill -9` of the PACS that gets reports by STOW-RS."""
    _keep_down(site.processes["orthanc-web"], signal.SIGKILL, random.uniform(1.0, 4.0))


def pacs_refuses(site: Site, random: Random) -> None:
    """The PACS answers every C-STORE with 0xA700."""
    site.door.refuse(True)
    time.sleep(random.uniform(1.0, 4.0))
    site.door.refuse(False)


def web_pacs_refuses(site: Site, random: Random) -> None:
    """The PACS answers every Store request with 503."""
    site.web_door.refuse(True)
    time.sleep(random.uniform(1.0, 4.0))
    site.web_door.refuse(False)


def pacs_dies_in_transfer(site: Site, random: Random) -> None:
    """`kill -9` of the PACS when half an object has come."""
    _die_in_transfer(site.processes["orthanc"], site.door, random)


def web_pacs_dies_in_transfer(site: Site, random: Random) -> None:
    """`kill -9` of the PACS when half a Store request has come."""
    _die_in_transfer(site.processes["orthanc-web"], site.web_door, random)


def _die_in_transfer(orthanc: KeptProcess, door: PacsDoor, random: Random) -> None:
    orthanc.hold()
    try:
        door.cut_next(lambda: _kill(orthanc))
        deadline = time.monotonic() + 4 * LOOK_S
        while not door.is_cut() and time.monotonic() < deadline:
            time.sleep(0.02)
        if not door.is_cut():
            door.cancel_cut()
            raise NotInjectedError("nothing was sent to the PACS meanwhile")
        time.sleep(random.uniform(0.5, 2.0))
    finally:
        orthanc.release()


def fill_disk(site: Site, random: Random) -> None:
    """The disk of a gateway's spool, and of its audit file, is full, up to less than a film."""
    with _full(site, GATEWAYS[-1], random):
        time.sleep(random.uniform(1.0, 4.0))


def fill_database_disk(site: Site, random: Random) -> None:
    """The disk of PostgreSQL is full: statements fail, or the server dies and stays away."""
    with _full(site, "postgresql", random):
        time.sleep(random.uniform(1.0, 4.0))


def fill_cache_disk(site: Site, random: Random) -> None:
    """A worker has lost its cached bundles and its disk is full, so that it cannot fetch them again."""
    worker = site.processes[WORKERS[-1]]
    with _full(site, WORKERS[-1], random):
        shutil.rmtree(site.data_directory(WORKERS[-1]) / "bundles", ignore_errors=True)
        with contextlib.suppress(NotInjectedError):
            _kill_child(worker, "", random)
        time.sleep(random.uniform(2.0, 6.0))


def jump_clock(site: Site, random: Random) -> None:
    """The clock of one host jumps, by minutes, by up to three hours or by a day, and back again."""
    if not site.clocks:
        raise NotInjectedError("there is no C compiler")
    clock = site.clocks[random.choice(sorted(site.clocks))]
    clock.jump(
        random.choice((-1, 1))
        * random.choice((random.randrange(30, 600), random.randrange(600, 3 * 3600), 86_400))
    )
    time.sleep(random.uniform(2.0, 6.0))
    clock.jump(0)


def silence_link(site: Site, random: Random) -> None:
    """Every packet between a gateway, a worker and the courier and all else vanishes; nobody is told."""
    if site.second is None:
        raise NotInjectedError("this user may not make a second host")
    with site.link, site.second.silent():
        time.sleep(random.uniform(2.0, 12.0))


def silence_pacs(site: Site, random: Random) -> None:
    """The PACS takes connections and bytes and never answers."""
    site.door.be_silent(True)
    time.sleep(random.uniform(4.0, 9.0))
    site.door.be_silent(False)


def silence_web_pacs(site: Site, random: Random) -> None:
    """The PACS takes Store requests and never answers."""
    site.web_door.be_silent(True)
    time.sleep(random.uniform(4.0, 9.0))
    site.web_door.be_silent(False)


def stop_redis(site: Site, random: Random) -> None:
    """Redis hangs: it keeps its connections and does nothing."""
    _suspend(site.processes["redis"], random.uniform(2.0, 12.0))


def lock_postgresql(site: Site, random: Random) -> None:
    """Another session locks the films in the middle of everybody's transactions."""
    table = random.choice(("instances", "studies", "deliveries"))
    try:
        with site.database.write() as session:
            session.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
            time.sleep(random.uniform(2.0, 8.0))
    except SQLAlchemyError as error:
        raise NotInjectedError("PostgreSQL was away, or gave no lock") from error


def stop_worker_child(site: Site, random: Random) -> None:
    """The process that predicts for a worker hangs, at work or not; nobody wakes it."""
    children = site.processes[random.choice(WORKERS)].children()
    if not children:
        raise NotInjectedError("the worker had no child just now")
    with contextlib.suppress(psutil.NoSuchProcess):
        random.choice(children).suspend()


FAULTS: Final[dict[str, Fault]] = {
    "kill gateway": kill_gateway,
    "kill gateway child": kill_gateway_child,
    "kill worker": kill_worker,
    "kill worker child": kill_worker_child,
    "kill courier": kill_courier,
    "end gently": end_gently,
    "kill redis": kill_redis,
    "flush redis": flush_redis,
    "stop postgresql": stop_postgresql,
    "pacs down": pacs_down,
    "pacs refuses": pacs_refuses,
    "pacs dies in transfer": pacs_dies_in_transfer,
    "receiver down": receiver_down,
    "receiver silent": receiver_silent,
    "receiver refuses": receiver_refuses,
    "web pacs down": web_pacs_down,
    "web pacs refuses": web_pacs_refuses,
    "web pacs dies in transfer": web_pacs_dies_in_transfer,
    "web pacs silent": silence_web_pacs,
    "disk full": fill_disk,
    "database disk full": fill_database_disk,
    "cache disk full": fill_cache_disk,
    "link silent": silence_link,
    "pacs silent": silence_pacs,
    "redis hangs": stop_redis,
    "postgresql locked": lock_postgresql,
    "clock jumps": jump_clock,
    "worker hangs": stop_worker_child,
}

POISONS: Final = {"film that kills": Poison.KILLS, "film that hangs": Poison.HANGS}
"""The faults that come with a film."""


def _kill(process: KeptProcess) -> None:
    if not process.send_signal(signal.SIGKILL):
        raise NotInjectedError(f"{process.name} was dead already")


def _kill_child(process: KeptProcess, word: str, random: Random) -> None:
    children = process.children(word)
    if not children:
        raise NotInjectedError(f"{process.name} had no such child just now")
    with contextlib.suppress(psutil.NoSuchProcess):
        random.choice(children).kill()


@contextmanager
def _full(site: Site, name: str, random: Random) -> Iterator[None]:
    """The disk of a process is full inside the block, up to a few bytes."""
    if name not in site.disks:
        raise NotInjectedError("this user may not mount a small disk")
    place = site.data_directory(name)
    statistics = os.statvfs(place)
    size = statistics.f_bavail * statistics.f_frsize - random.choice((0, random.randrange(500_000)))
    if size <= 0:
        raise NotInjectedError("the disk was full already")
    filler = place / f"filler-{random.getrandbits(32):08x}"  # two of these faults may overlap
    try:
        with contextlib.suppress(OSError), filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        yield
    finally:
        filler.unlink(missing_ok=True)


def _suspend(process: KeptProcess, seconds: float) -> None:
    """Stop a process for a while, and let it go on."""
    if not process.send_signal(signal.SIGSTOP):
        raise NotInjectedError(f"{process.name} was dead already")
    try:
        time.sleep(seconds)
    finally:
        process.send_signal(signal.SIGCONT)


def _keep_down(process: KeptProcess, number: int, seconds: float) -> None:
    process.hold()
    try:
        process.send_signal(number)
        threading.Event().wait(seconds)
    finally:
        process.release()
