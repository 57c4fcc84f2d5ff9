"""Stages and pools of a site, from its hosts and the measured cost of a film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.capacity.simulation import SLICE_S, Pool, Stage, Work
from benchmarks.measured import STAGES, Measured

TRANSACTIONS: Final = {"reception": 1, "preparation": 0, "handing_over": 2, "worker": 2, "courier": 3}
"""How the transactions of a film spread over its stages, as the code makes them: in the courier one each for
the report, the lease of its delivery and its end. What was measured for a film is shared out in this way."""

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
        """How many films each stage has at hand at once, in one part."""
        return {
            "reception": self.gateways * self.listeners,
            "preparation": self.gateways * self.preparations,
            "handing_over": self.gateways,
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
    """Return the stages and pools of one part of a site."""
    stages = [_build_stage(site, measured, name) for name in STAGES]
    pools = [_build_database(site)]
    if site.one_host_cores is not None:
        pools.append(Pool("cores", site.one_host_cores, SLICE_S))
    return stages, pools


def cpu_s(site: Site, measured: Measured, stage: str) -> float:
    """Return the processor seconds that one film costs a stage's own processes."""
    if site.database == "sqlite":
        return measured[f"sqlite.{site.size}.cpu_ms.{stage}"] / 1000
    return measured.cpu_s(site.size, stage)


def _build_stage(site: Site, measured: Measured, name: str) -> Stage:
    places = site.places[name]
    # On hosts of their own, processes have a core each: their place is all that they need.
    host = None if site.one_host_cores is None else "cores"
    works = [Work(cpu_s(site, measured, name), host)]
    transactions = _count_transactions(site, measured, name)
    if site.database == "sqlite":
        works.append(Work(transactions / measured["commits_per_s.sqlite"], "database"))
    elif transactions:
        share = transactions / sum(_count_transactions(site, measured, one) for one in STAGES)
        slower = _slower(site)
        works.append(Work(share * slower * measured.cpu_s(site.size, "postgresql"), host or "database"))
        works.append(Work(transactions / measured["commits_per_s.postgresql.1_clients"], varies=False))
    rooms = {"handing_over": site.gateways * site.preparations, "worker": QUEUE}
    return Stage(name, places, tuple(works), rooms.get(name))


def _count_transactions(site: Site, measured: Measured, stage: str) -> float:
    each = measured[f"postgresql.{site.size}.transactions"]
    return each * TRANSACTIONS[stage] / sum(TRANSACTIONS.values())


def _slower(site: Site) -> float:
    """A part's share of the database's cores is made whole cores, each as much slower or faster."""
    return _database_servers(site) * site.parts / site.database_cores


def _database_servers(site: Site) -> int:
    return max(1, round(site.database_cores / site.parts))


def _build_database(site: Site) -> Pool:
    return Pool("database", 1 if site.database == "sqlite" else _database_servers(site))


def list_ceilings(stages: Sequence[Stage], pools: Sequence[Pool]) -> dict[str, float]:
    """Return how many films a second each stage and pool can do if nothing else holds it up."""
    ceilings = {stage.name: stage.places / sum(work.seconds for work in stage.works) for stage in stages}
    for pool in pools:
        seconds = sum(work.seconds for stage in stages for work in stage.works if work.pool == pool.name)
        if seconds:
            ceilings[pool.name] = pool.servers / seconds
    return ceilings
