"""A site saturates where arithmetic says, and the outcome tells."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.capacity.measured import read_measured
from benchmarks.capacity.outcome import count_waiting, summarise
from benchmarks.capacity.scenarios import list_outages
from benchmarks.capacity.simulation import Outage, Simulation
from benchmarks.capacity.site import QUEUE, Site, build, list_ceilings

SECONDS = 300.0
FULL_PREPARATION = Site()
FULL_WORKER = Site(gateways=2, listeners=2, preparations=2)
FULL_COURIER = Site(gateways=3, listeners=3, preparations=3, screenings=3)
FULL_DATABASE = Site(couriers=4, preparations=4, gateways=2, screenings=4, listeners=3, database_cores=1)
FULL_CORES = Site(database="sqlite", one_host_cores=2, couriers=4)


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (FULL_PREPARATION, "preparation"),
        (FULL_WORKER, "worker"),
        (FULL_COURIER, "courier"),
        (FULL_DATABASE, "database"),
        (FULL_CORES, "cores"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_site_keeps_up_below_its_ceiling_and_falls_behind_above_it(site: Site, expected: str) -> None:
    stages, pools = build(site, read_measured())
    ceilings = list_ceilings(stages, pools)
    first = min(ceilings, key=lambda name: ceilings[name])
    assert first == expected

    def lag_s(share: float) -> float:
        random = np.random.default_rng(1)
        count = int(share * ceilings[first] * SECONDS)
        arrivals = np.sort(random.random(count)) * SECONDS
        return float(Simulation(stages, pools, (), random).run(arrivals).ended.max() - SECONDS)

    assert lag_s(0.85) < 0.03 * SECONDS
    assert lag_s(1.2) > 0.15 * SECONDS


def test_films_wait_in_the_spool_and_not_in_the_broker_without_workers() -> None:
    stages, pools = build(Site(), read_measured())
    arrivals = np.arange(0.0, 600.0, 0.5)
    course = Simulation(stages, pools, [Outage("worker", 0.0, 600.0, 1)], np.random.default_rng(2)).run(
        arrivals
    )
    outcome = summarise(course)
    assert outcome.films == 1200
    assert outcome.unfinished == 0
    assert outcome.most["in the broker"] == QUEUE
    assert outcome.most["in the spool"] == pytest.approx(1200 - QUEUE, abs=10)
    assert outcome.to_result_s[0] > 300


def test_waiting_adds_up_to_what_is_under_way() -> None:
    stages, pools = build(Site(), read_measured())
    arrivals = np.sort(np.random.default_rng(3).random(2_000)) * 60
    course = Simulation(stages, pools, (), np.random.default_rng(4)).run(arrivals)
    clock = np.arange(0.0, 120.0, 1.0)
    waiting = count_waiting(course, clock)
    under_way = (course.arrived[:, None] <= clock).sum(0) - (course.ended[-1][:, None] <= clock).sum(0)
    assert (sum(waiting.values()) == under_way).all()
    assert all((counts >= 0).all() for counts in waiting.values())


def test_a_bad_day_takes_away_all_of_what_it_names() -> None:
    site = Site(workers=2, screenings=3, couriers=4)
    _, pools = build(site, read_measured())
    servers = {pool.name: pool.servers for pool in pools}
    outages = {outage.what: outage for outage in list_outages(site, servers)}
    assert outages["database"].servers == servers["database"]
    assert outages["worker"].servers == 3, "one host of two"
    assert outages["courier"].servers == 4
