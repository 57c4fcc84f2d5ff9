"""The interval of the equivalent threshold of a new network (`judging.paired_referral`), with known truth.

Two networks score the same films. Each score is the person's own part plus a part of the network, normal on
the probit scale; the new network's scores are shifted and stretched, so that its equivalent threshold is
known and is another one than that in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from benchmarks.calibration_study.programmes import DISTANCE, THRESHOLD
from judging.paired_referral import find_equivalent_threshold
from judging.statistics import Estimate, measure_proportion

PAIRS: Final = 5000
SHIFT: Final = 0.5
STRETCH: Final = 1.3
"""Of the new network's scores."""


@dataclass(frozen=True)
class Pairing:
    """Two networks and the films that both score."""

    name: str
    own: float
    """Share of the variance of a score, within people with TB or without, that is a network's own."""
    prevalence: float
    same_sensitivity: bool = False
    """True: films of people with TB alone decide."""


PAIRINGS: Final = (
    Pairing("same referral rate, alike networks", 0.05, 0.05),
    Pairing("same referral rate", 0.2, 0.05),
    Pairing("same referral rate, unlike networks", 0.5, 0.05),
    Pairing("same sensitivity, 20 % with TB", 0.2, 0.2, same_sensitivity=True),
)


@dataclass(frozen=True)
class Equivalents:
    """Equivalent thresholds that were found in many simulations."""

    kind: str
    pairs: int
    """Films that both networks scored."""
    simulations: int
    truth: float
    """Equivalent threshold; that in use is `Phi(THRESHOLD)`."""
    covered: Estimate
    """Share of the 95 % intervals that hold it, with its own 95 % interval (Wilson)."""
    bias: float
    """Mean threshold less the true one."""
    width: float
    spread: float
    """Mean difference of the share referred, or of the sensitivity, between the ends of an interval."""


def pair(pairing: Pairing, simulations: int, pairs: int = PAIRS, seed: int = 45) -> Equivalents:
    """Find the equivalent threshold in each of many simulations."""
    generator = np.random.default_rng(seed)
    truth = float(norm.cdf(SHIFT + STRETCH * THRESHOLD))
    found = []
    for _ in range(simulations):
        ours, theirs = _draw(pairing, pairs, generator)
        found.append(find_equivalent_threshold(ours, theirs, float(norm.cdf(THRESHOLD))).threshold)
    is_covered = [threshold.low <= truth <= threshold.high for threshold in found]
    return Equivalents(
        pairing.name,
        pairs,
        simulations,
        truth,
        measure_proportion(sum(is_covered), simulations),
        float(np.mean([threshold.value for threshold in found]) - truth),
        float(np.mean([threshold.high - threshold.low for threshold in found])),
        float(
            np.mean(
                _share(pairing, [each.low for each in found]) - _share(pairing, [each.high for each in found])
            )
        ),
    )


def _draw(
    pairing: Pairing, pairs: int, generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the scores of the new network and of the one in use."""
    is_tb = generator.random(pairs) < pairing.prevalence
    common = generator.normal(size=pairs) * np.sqrt(1 - pairing.own)
    ours, theirs = (
        common + generator.normal(size=pairs) * np.sqrt(pairing.own) + DISTANCE * is_tb for _ in range(2)
    )
    counted = is_tb if pairing.same_sensitivity else np.ones(pairs, dtype=bool)
    return norm.cdf(SHIFT + STRETCH * ours)[counted], norm.cdf(theirs)[counted]


def _share(pairing: Pairing, thresholds: Sequence[float]) -> NDArray[np.float64]:
    """Return the true share of the counted films that the new network refers at each threshold."""
    probits = (norm.ppf(thresholds) - SHIFT) / STRETCH
    sensitivity, false = norm.sf(probits - DISTANCE), norm.sf(probits)
    prevalence = 1.0 if pairing.same_sensitivity else pairing.prevalence
    return np.asarray(prevalence * sensitivity + (1 - prevalence) * false, dtype=np.float64)
