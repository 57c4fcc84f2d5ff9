"""Stages and pools of a site, from its hosts and the measured cost of a film."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.capacity.measured import STAGES, Measured
from benchmarks.capacity.simulation import SLICE_S, Pool, Stage, Work
from db.database import FIRST_PAUSE_S, GROWTH, LONGEST_PAUSE_S

_GROWING: Final = math.ceil(math.log(LONGEST_PAUSE_S / FIRST_PAUSE_S, GROWTH))
SQLITE_POLLS_S: Final = (*(FIRST_PAUSE_S * GROWTH**number for number in range(_GROWING)), LONGEST_PAUSE_S)
"""Pauses of a writer on SQLite while another one holds the lock (`db.database`)."""

STAGE_PARTS: Final = {
    "reception": ("reception",),
    "preparation": ("preparation", "handing_over"),
    "worker": ("worker",),
    "courier": ("courier",),
}
"""The stages that are simulated, and what was measured of each."""

QUEUE: Final = 200
"""Films in the broker, at most: `gateway.maximum_queue_length`."""


@dataclass(frozen=True)
class Site:
    """The hosts of a site. Its processes each keep one core busy at most: Python, one thread at a time.

    Args:
        gateways: hosts.
        workers: hosts.
        couriers: processes, on hosts of their own.
        listeners: processes of one gateway that receive (`gateway.listener_processes`).
        preparations: processes of one gateway that decode (`gateway.preparation_processes`).
        screenings: processes of one worker host (`worker.processes`).
        database: `sqlite` or `postgresql`.
        database_cores: of PostgreSQL's host.
        one_host_cores: None, or everything shares one host of so many cores.
        parts: the site is so many times as large; one such part is simulated, with its part of the database.
        size: of its films, as measured: `full` or `small`.
    """

    gateways: int = 1
    workers: int = 1
    couriers: int = 1
    listeners: int = 1
    preparations: int = 1
    screenings: int = 1
    database: str = "postgresql"
    database_cores: int = 4
    one_host_cores: int | None = None
    parts: int = 1
    size: str = "full"

    @property
    def places(self) -> dict[str, int]:
        """Films that each stage processes at once, in one part."""
        return {
            "reception": self.gateways * self.listeners,
            "preparation": self.gateways * self.preparations,
            "worker": self.workers * self.screenings,
            "courier": self.couriers,
        }

    def describe_hosts(self) -> str:
        """Return its hosts in words, all parts together."""
        if self.one_host_cores is not None:
            return f"one host, {self.one_host_cores} cores, {_NAMES[self.database]}"
        return (
            f"{self.parts * self.gateways} gateways × {self.listeners} listeners, "
            f"{self.parts * self.workers} worker hosts × {self.screenings} processes, "
            f"{self.parts * self.couriers} couriers, {_NAMES[self.database]} with {self.database_cores} cores"
        )


_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def build(site: Site, measured: Measured) -> tuple[list[Stage], list[Pool]]:
    """Return the stages and pools of one part of a site.

    Decoding and handing over are one stage: a film is decoded in a process of its own, then handed over by
    the gateway's, and only then comes the next one.
    """
    places, rooms = site.places, {"worker": QUEUE}
    stages = []
    for name, parts in STAGE_PARTS.items():
        works = [work for part in parts for work in _list_works(site, measured, part) if work.seconds > 0]
        if name == "worker" and site.one_host_cores is not None:
            works.append(Work(measured.cpu_s(site.size, "redis"), "cores"))
        stages.append(Stage(name, places[name], tuple(works), rooms.get(name)))
    pools = [_build_database(site), Pool("gateway", site.gateways)]
    if site.one_host_cores is not None:
        pools.append(Pool("cores", site.one_host_cores, SLICE_S))
    return stages, pools


def find_cpu_s(site: Site, measured: Measured, stage: str) -> float:
    """Return the processor seconds that one film costs a stage's own processes."""
    if site.database == "sqlite":
        return measured[f"sqlite.{site.size}.cpu_ms.{stage}"] / 1000
    return measured.cpu_s(site.size, stage)


def _list_works(site: Site, measured: Measured, name: str) -> list[Work]:
    # On hosts of their own, processes have a core each: their place is all that they need.
    host = None if site.one_host_cores is None else "cores"
    wall_s, own_s = (_transactions_s(site, measured, name, what) for what in ("wall", "cpu"))
    cpu_s = find_cpu_s(site, measured, name)
    if site.database == "sqlite":
        # Nobody else writes while it computes within its transaction.
        alone = Work(cpu_s - own_s, host, lock=_find_interpreter(site, name))
        return [alone, Work(wall_s, host, lock="database")]
    server_s = measured.cpu_s(site.size, "postgresql") * _share(measured, name)
    return [
        Work(cpu_s, host, lock=_find_interpreter(site, name)),
        Work(server_s * _slower(site), host or "database"),
        Work(max(0.0, wall_s - own_s - server_s), varies=False),
    ]


def _find_interpreter(site: Site, stage: str) -> str | None:
    """Python computes one thread at a time; a gateway hands over in one process, which may receive, too."""
    shared = stage == "handing_over" or (stage == "reception" and site.listeners == 1)
    return "gateway" if shared else None


def _transactions_s(site: Site, measured: Measured, stage: str, what: str) -> float:
    if stage == "preparation":
        return 0.0
    return measured[f"transaction_ms.{site.database}.{stage}.{what}"] / 1000


def _share(measured: Measured, stage: str) -> float:
    """Return the share of the server's work that a stage causes, by the duration of its transactions."""
    writers = [stage for stage in STAGES if stage != "preparation"]
    waits = {writer: measured[f"transaction_ms.postgresql.{writer}.wall"] for writer in writers}
    return waits.get(stage, 0.0) / sum(waits.values())


def _slower(site: Site) -> float:
    """A part's share of the database's cores is made whole cores, each as much slower or faster."""
    return _database_servers(site) * site.parts / site.database_cores


def _database_servers(site: Site) -> int:
    return max(1, round(site.database_cores / site.parts))


def _build_database(site: Site) -> Pool:
    if site.database == "sqlite":
        return Pool("database", 1, polls_s=SQLITE_POLLS_S)
    return Pool("database", _database_servers(site))


def list_ceilings(stages: Sequence[Stage], pools: Sequence[Pool]) -> dict[str, float]:
    """Return how many films a second each stage and pool can do if nothing else holds it up."""
    ceilings = {stage.name: stage.places / sum(work.seconds for work in stage.works) for stage in stages}
    for pool in pools:
        works = [work for stage in stages for work in stage.works if pool.name in (work.pool, work.lock)]
        seconds = sum(work.seconds for work in works)
        if seconds:
            ceilings[pool.name] = pool.servers / seconds
    return ceilings
