"""1,000, 100,000 and 10,000,000 films a day: sites, and what befalls them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.capacity.arrivals import HOUR_S, Day
from benchmarks.capacity.measured import Measured
from benchmarks.capacity.simulation import Course, Outage, Simulation
from benchmarks.capacity.site import Site, build

REDISPATCH_S: Final = 300.0
"""`gateway.redispatch_after_s`: what a lost worker host had at hand is dispatched again."""


@dataclass(frozen=True)
class Scenario:
    """A day of a site."""

    name: str
    films_per_day: int
    """Of the whole site."""
    site: Site
    outages: bool = False

    def run(self, measured: Measured, seed: int) -> Course:
        """Simulate the day of one part of the site."""
        random = np.random.default_rng(seed)
        arrivals = Day(self.films_per_day / self.site.parts).draw(random)
        stages, pools = build(self.site, measured)
        outages = list_outages(self.site, {pool.name: pool.servers for pool in pools})
        return Simulation(stages, pools, outages if self.outages else (), random).run(arrivals)


def list_outages(site: Site, servers: dict[str, int]) -> list[Outage]:
    """Return a bad day.

    A minute without the database, an hour without a worker host, a night without the PACS.
    """
    return [
        Outage("database", 9.5 * HOUR_S, 9.5 * HOUR_S + 60, servers["database"]),
        Outage("worker", 10 * HOUR_S, 11 * HOUR_S, site.screenings, REDISPATCH_S),
        Outage("courier", 20 * HOUR_S, 30 * HOUR_S, site.couriers),
    ]


SMALL: Final = Site(database="sqlite", one_host_cores=4)
TIGHT: Final = Site(database_cores=1)
MEDIUM: Final = Site(database_cores=2, gateways=2, workers=2)
# Twenty-five like parts, and one database for all.
LARGE_TIGHT: Final = Site(listeners=2, couriers=1, database_cores=8, parts=25)
LARGE: Final = Site(listeners=2, preparations=2, workers=2, couriers=2, database_cores=16, parts=25)

SCENARIOS: Final = (
    Scenario("1,000 a day", 1_000, SMALL),
    Scenario("1,000, a bad day", 1_000, SMALL, outages=True),
    Scenario("100,000 a day, fewest hosts", 100_000, TIGHT),
    Scenario("100,000 a day", 100_000, MEDIUM),
    Scenario("100,000, a bad day, fewest hosts", 100_000, TIGHT, outages=True),
    Scenario("10,000,000 a day, fewest hosts", 10_000_000, LARGE_TIGHT),
    Scenario("10,000,000 a day", 10_000_000, LARGE),
    Scenario("10,000,000, a bad day", 10_000_000, LARGE, outages=True),
)
