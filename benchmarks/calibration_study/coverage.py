"""Coverage, width and bias of each estimate over many programmes, with the naive estimate beside it.

The naive estimate counts the tested people as if they were all, with Wilson's interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import norm

from benchmarks.calibration_study.programmes import THRESHOLD, Kind, Programme, draw, find_truth
from judging.calibration_study.accuracy import Accuracy, measure_thresholds
from judging.calibration_study.missing_results import bound_sensitivity
from judging.operating_points import count
from judging.statistics import Estimate, measure_proportion

FIGURES: Final = ("sensitivity", "specificity", "ppv", "npv")
CUT: Final = float(norm.cdf(THRESHOLD))


@dataclass(frozen=True)
class Quality:
    """The quality of one estimate over many programmes; NaN where it was never given."""

    given: float
    """Share of the programmes in which it was given."""
    coverage: float
    width: float
    bias: float


@dataclass(frozen=True)
class Row:
    """The estimates of one kind of programme."""

    kind: str
    truth: dict[str, float]
    weighted: dict[str, Quality]
    naive: dict[str, Quality]
    bound: Quality | None
    """The bound of sensitivity where results are missing not at random."""


def measure(kind: Kind, programmes: int, seed: int = 42) -> Row:
    """Return the quality of all estimates of a kind."""
    generator, truth = np.random.default_rng(seed), find_truth(kind)
    weighted: dict[str, list[Estimate | None]] = {name: [] for name in FIGURES}
    naive: dict[str, list[Estimate | None]] = {name: [] for name in FIGURES}
    bounds: list[Estimate | None] = []
    for _ in range(programmes):
        programme = draw(kind, generator)
        found = measure_thresholds(programme.sample, [CUT])[0]
        simple = _count_naively(programme)
        for name in FIGURES:
            weighted[name].append(getattr(found, name))
            naive[name].append(simple[name])
        if kind.odds is not None:
            bounds.append(_bound(programme, kind.odds, found))
    return Row(
        kind.name,
        truth,
        {name: _judge(weighted[name], truth[name]) for name in FIGURES},
        {name: _judge(naive[name], truth[name]) for name in FIGURES},
        _judge(bounds, truth["sensitivity"]) if bounds else None,
    )


def _bound(programme: Programme, odds: float, found: Accuracy) -> Estimate | None:
    bound = bound_sensitivity(programme.sample, programme.sampled, CUT, odds)
    if bound is None or found.sensitivity is None:
        return None
    return Estimate(value=found.sensitivity.value, low=bound.least.low, high=bound.greatest.high)


def _count_naively(programme: Programme) -> dict[str, Estimate | None]:
    known = programme.sample.verified
    table = count(programme.sample.is_tb[known], programme.sample.scores[known], CUT)
    hits, alarms = table.true_positive, table.false_positive
    cleared, missed = table.true_negative, table.false_negative
    return {
        "sensitivity": measure_proportion(hits, hits + missed),
        "specificity": measure_proportion(cleared, cleared + alarms),
        "ppv": measure_proportion(hits, hits + alarms),
        "npv": measure_proportion(cleared, cleared + missed),
    }


def _judge(estimates: list[Estimate | None], truth: float) -> Quality:
    given = [estimate for estimate in estimates if estimate is not None]
    if not given:
        return Quality(0.0, float("nan"), float("nan"), float("nan"))
    return Quality(
        len(given) / len(estimates),
        float(np.mean([estimate.low <= truth <= estimate.high for estimate in given])),
        float(np.mean([estimate.high - estimate.low for estimate in given])),
        float(np.mean([estimate.value for estimate in given]) - truth),
    )
