"""The simulation beside what `python -m benchmarks.load` measured: twice the capacity, then nothing more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from benchmarks.capacity.measured import Measured
from benchmarks.capacity.outcome import count_waiting
from benchmarks.capacity.simulation import Course, Pool, Seconds, Simulation, Stage, Work
from benchmarks.capacity.site import Site, build

ASSOCIATIONS: Final = 4
CAPACITY_FILMS: Final = 120
RESTING_FILMS: Final = 20


@dataclass(frozen=True)
class Comparison:
    """One figure, measured and simulated."""

    name: str
    measured: float
    simulated: float

    @property
    def off(self) -> float:
        """Deviation of the simulation, as a share of the measured value."""
        return self.simulated / self.measured - 1


def compare(measured: Measured, seed: int) -> list[Comparison]:
    """Simulate the measured load on the machine that it was measured on."""
    stages, pools = build_loaded_host(measured)

    def run(arrivals: Seconds) -> Course:
        return Simulation(stages, pools, (), np.random.default_rng(seed)).run(arrivals)

    at_once = run(np.zeros(CAPACITY_FILMS))
    capacity = CAPACITY_FILMS / at_once.ended[_WORKER].max()
    offered = int(measured["load.films"])
    arrivals = np.arange(offered) / measured["load.offered_films_per_s"]
    course = run(arrivals)
    clock = np.arange(0.0, course.ended[_WORKER].max() + 2, 2.0)
    sent = course.ended[0].max()
    alone = run(np.arange(0.0, 10.0 * RESTING_FILMS, 10.0))
    figures = {
        "load.capacity_films_per_s": capacity,
        "load.most_in_spool": float(count_waiting(course, clock)["in the spool"].max()),
        "load.drained_s": float(course.ended[_WORKER].max() - sent),
        "load.at_rest_s": float(np.median(alone.ended[_WORKER] - alone.ended[0])),
    }
    return [Comparison(name, measured[name], value) for name, value in figures.items()]


def build_loaded_host(measured: Measured) -> tuple[list[Stage], list[Pool]]:
    """Return the embedded form on two cores that sender and PACS share with it."""
    stages, pools = build(Site(database="sqlite", one_host_cores=2, size="small"), measured)
    reception = stages[0]
    sender = Work(measured.cpu_s("small", "load_generator"), "cores")
    stages[0] = replace(reception, places=ASSOCIATIONS, works=(sender, *reception.works))
    return stages, pools


_WORKER: Final = 2
