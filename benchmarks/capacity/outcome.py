"""The outcome of a simulated day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.capacity.simulation import BIN_S, Course

HOUR_S: Final = 3600.0
MINUTE_S: Final = 60.0

Seconds = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """Figures of one simulated day, of one part of its site.

    Args:
        films: that came.
        unfinished: of them, without a report at the end: 0, or the simulation lost some.
        to_result_s: from a film's sending to its result: 50th, 95th and 99th percentile.
        to_report_s: to its report in the PACS, likewise.
        most: films that waited, at most, by where.
        drained_h: when the last report was delivered, hours after the day began.
        busiest: share of each stage's places and each pool's servers that worked, in its busiest hour.
        peak_films_per_s: that came in the busiest hour.
    """

    films: int
    unfinished: int
    to_result_s: tuple[float, float, float]
    to_report_s: tuple[float, float, float]
    most: dict[str, int]
    drained_h: float
    busiest: dict[str, float]
    peak_films_per_s: float

    def to_json(self) -> dict[str, Any]:
        """Return it for the last line."""
        return {
            "films": self.films,
            "unfinished": self.unfinished,
            "peak_films_per_s": round(self.peak_films_per_s, 2),
            "to_result_s_p50_p95_p99": [round(value, 2) for value in self.to_result_s],
            "to_report_s_p50_p95_p99": [round(value, 2) for value in self.to_report_s],
            "most_waiting": self.most,
            "drained_h": round(self.drained_h, 2),
            "busiest_hour": {name: round(value, 3) for name, value in self.busiest.items()},
        }


def summarise(course: Course) -> Outcome:
    """Return the figures of a day."""
    names = [stage.name for stage in course.stages]
    screened, reported = course.ended[names.index("worker")], course.ended[-1]
    last = float(np.nanmax(reported))
    clock = np.arange(0.0, last + MINUTE_S, MINUTE_S)
    return Outcome(
        films=len(course.arrived),
        unfinished=int(np.isnan(reported).sum()),
        to_result_s=_percentiles(screened - course.arrived),
        to_report_s=_percentiles(reported - course.arrived),
        most={name: int(counts.max()) for name, counts in count_waiting(course, clock).items()},
        drained_h=last / HOUR_S,
        busiest=_find_busiest(course, last),
        peak_films_per_s=float(np.bincount((course.arrived / HOUR_S).astype(int)).max() / HOUR_S),
    )


def count_waiting(course: Course, clock: Seconds) -> dict[str, Counts]:
    """Count the films that wait at each moment of `clock`, seconds, by where they wait."""
    at = {stage.name: number for number, stage in enumerate(course.stages)}

    def passed(times: Seconds) -> Counts:
        return np.searchsorted(np.sort(times), clock, side="right")

    received = passed(course.ended[at["reception"]])
    queued = passed(course.ended[at["preparation"]])
    screened = passed(course.ended[at["worker"]])
    return {
        "at the senders": passed(course.arrived) - received,
        "in the spool": received - queued,
        "in the broker": queued - screened,
        "reports": screened - passed(course.ended[at["courier"]]),
    }


def count_rate(times: Seconds, bins: Seconds) -> Seconds:
    """Count events a second between each two of `bins`, seconds."""
    return np.asarray(np.histogram(times, bins)[0] / np.diff(bins))


def _percentiles(seconds: Seconds) -> tuple[float, float, float]:
    low, high, highest = np.nanpercentile(seconds, [50, 95, 99])
    return float(low), float(high), float(highest)


def _find_busiest(course: Course, last: float) -> dict[str, float]:
    hours = np.arange(0.0, last + HOUR_S, HOUR_S)
    busiest = {}
    for number, stage in enumerate(course.stages):
        held = _integrate(course.begun[number], hours) - _integrate(course.ended[number], hours)
        busiest[stage.name] = float(held.max() / HOUR_S / stage.places)
    for pool in course.pools:
        seconds = course.busy[pool.name]
        if len(seconds):
            when = (np.arange(len(seconds)) * BIN_S / HOUR_S).astype(int)
            busiest[pool.name] = float(np.bincount(when, seconds).max() / HOUR_S / pool.servers)
    return busiest


def _integrate(times: Seconds, hours: Seconds) -> Seconds:
    """Integrate the number of `times` that have passed, over each hour."""
    ordered = np.sort(times)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    passed = np.searchsorted(ordered, hours)
    return np.asarray(np.diff(passed * hours - sums[passed]))
