"""Programmes with known truth: people, scores, TB, who is tested and who has a result.

Scores are normal on the probit scale, with people with TB 1.9 standard deviations above others (AUC 0.91),
as far apart as the shipped network on hospitals that it did not see. Four score bands are tested with
probability 0.1, 0.25, 0.6 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from judging.calibration_study.verified_sample import Mask, VerifiedSample

DISTANCE: Final = 1.9
EDGES: Final = (-0.3, 0.6, 1.2)
"""Score bands, on the probit scale; the threshold is the second."""
THRESHOLD: Final = 0.6
SAMPLED: Final = (0.1, 0.25, 0.6, 1.0)
SHIFT: Final = 0.25
"""Standard deviation of the scores of a cluster, on the probit scale."""
UNEVEN: Final = 0.5
"""Standard deviation of the log odds of TB of a cluster."""


@dataclass(frozen=True)
class Kind:
    """A kind of programme."""

    name: str
    prevalence: float
    people: int = 5000
    sampled: tuple[float, ...] = SAMPLED
    """Probability of a test in each score band."""
    results: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    """Probability of a result in each score band, of people without TB."""
    results_of_tb: tuple[float, ...] | None = None
    """That of people with TB; None: the same, so that results are missing at random."""
    clusters: int | None = None
    odds: float | None = None
    """Ratio of odds for the bound."""


SPARSE: Final = (0.75, 0.8, 0.9, 0.95)

KINDS: Final = (
    Kind("prevalence 0.5 %", 0.005),
    Kind("prevalence 2 %", 0.02),
    Kind("prevalence 5 %", 0.05),
    Kind("prevalence 20 %", 0.20),
    Kind("5 %, everybody tested", 0.05, sampled=(1.0, 1.0, 1.0, 1.0)),
    Kind("5 %, results missing at random", 0.05, results=SPARSE),
    Kind("5 %, 8 clusters", 0.05, clusters=8),
    Kind("5 %, 20 clusters", 0.05, clusters=20),
    Kind("5 %, missing not at random", 0.05, results=SPARSE, results_of_tb=(0.5, 0.5, 0.95, 0.98), odds=4.0),
    Kind("5 %, positives alone tested", 0.05, sampled=(0.0, 0.0, 1.0, 1.0)),
)


@dataclass(frozen=True)
class Programme:
    """A programme's data, and the people who were sampled for a test."""

    sample: VerifiedSample
    sampled: Mask


def draw(kind: Kind, generator: np.random.Generator) -> Programme:
    """Draw a programme."""
    number, clusters = kind.people, None
    risk, shift = np.full(number, kind.prevalence), np.zeros(number)
    if kind.clusters is not None:
        clusters = np.arange(number) % kind.clusters
        risk = expit(logit(kind.prevalence) + generator.normal(0, UNEVEN, kind.clusters))[clusters]
        shift = generator.normal(0, SHIFT, kind.clusters)[clusters]
    is_tb = generator.random(number) < risk
    probits = generator.normal(size=number) + DISTANCE * is_tb + shift
    bands = np.digitize(probits, EDGES)
    sampled = generator.random(number) < np.array(kind.sampled)[bands]
    of_tb = kind.results if kind.results_of_tb is None else kind.results_of_tb
    has_result = generator.random(number) < np.where(
        is_tb, np.array(of_tb)[bands], np.array(kind.results)[bands]
    )
    verified = sampled & has_result
    scores = norm.cdf(probits)
    return Programme(VerifiedSample.make(scores, bands, verified, is_tb & verified, clusters), sampled)


def find_truth(kind: Kind, threshold: float = THRESHOLD) -> dict[str, float]:
    """Return sensitivity, specificity, PPV and NPV of a threshold on the probit scale."""
    spread = 1.0 if kind.clusters is None else float(np.hypot(1.0, SHIFT))
    sensitivity = float(norm.sf(threshold - DISTANCE, scale=spread))
    specificity = float(norm.cdf(threshold, scale=spread))
    prevalence = kind.prevalence if kind.clusters is None else _average_risk(kind.prevalence)
    hits, alarms = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
    cleared, missed = (1 - prevalence) * specificity, prevalence * (1 - sensitivity)
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": hits / (hits + alarms),
        "npv": cleared / (cleared + missed),
    }


def _average_risk(prevalence: float) -> float:
    places, weights = np.polynomial.hermite_e.hermegauss(40)
    risks: NDArray[np.float64] = expit(logit(prevalence) + UNEVEN * places)
    return float((weights * risks).sum() / weights.sum())
