"""The plan of a calibration study: whom to test, how many people, tests and weeks.

Expected shares of people with TB come from the site's own scores and the bundle's calibration, restated for
the site's prevalence. A band is tested in proportion to the square root of its expected share of TB, with
everybody above the threshold: the allocation with the least variance for the same number of tests (Neyman
1934; Särndal, Swensson and Wretman 1992, 12.4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from domain.bundle.calibration import restate
from domain.bundle.manifest import Manifest
from domain.errors import PermanentError
from judging.calibration_study.sample_size import ScoreBand, StudySize, plan_size
from reports.wording import count_things

FEWEST_FILMS: Final = 200
"""Minimum number of the site's own screened studies for a plan."""
PLACES_BELOW: Final = (1 / 2, 5 / 6)
"""Quantiles of the scores below the threshold at which a band begins."""
LEAST_SHARE: Final = 0.05
"""Least probability of a test in a band."""

Floats = NDArray[np.float64]


class PlannedBand(BaseModel):
    """A score band as planned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begins: float
    """Lowest score."""
    people: float
    """Share of all people, expected."""
    cases: float
    """Share of the people with TB, expected."""
    tested: float
    """Probability of a test."""
    positive: bool


class StudyPlan(BaseModel):
    """The plan of a study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: str
    threshold: float
    prevalence: float
    half_width: float
    results: float
    """Share of the tests that give a result, expected."""
    films: int
    """Studies of this site from whose scores it was made."""
    bands: tuple[PlannedBand, ...]
    size: StudySize

    @property
    def edges(self) -> list[float]:
        """Scores at which a band begins, without the first band's 0."""
        return [band.begins for band in self.bands[1:]]

    @property
    def shares(self) -> list[float]:
        """Probability of a test in each band."""
        return [band.tested for band in self.bands]


def make_plan(
    manifest: Manifest,
    scores: Sequence[float],
    prevalence: float,
    half_width: float,
    results: float = 1.0,
    people_a_week: float | None = None,
    shares: Sequence[float] | None = None,
) -> StudyPlan:
    """Return the plan of a study at the reported operating point.

    Args:
        manifest: manifest of the bundle, with the site's operating point, if any.
        scores: the site's own scores, one of each study.
        prevalence: expected share of TB among the people, 0..1.
        half_width: wanted half width of the 95 % interval of the sensitivity, 0..0.5.
        results: share of the tests that give a result.
        people_a_week: people who are screened in a week.
        shares: probability of a test in each band, from the lowest; None: as described above.

    Raises:
        PermanentError: with too few films, an uncalibrated bundle, or shares that do not fit.
    """
    if len(scores) < FEWEST_FILMS:
        raise PermanentError(
            f"this bundle screened {count_things(len(scores), 'study', 'studies')} in this time, "
            f"{FEWEST_FILMS} are needed: "
            "a plan rests on the site's own scores; screen more films first, or begin earlier with --from"
        )
    threshold = manifest.find_operating_point(manifest.reported_operating_point).threshold
    values = np.sort(np.asarray(scores, dtype=np.float64))
    calibration = restate(manifest.calibration, prevalence)
    risks = np.array([calibration.apply(float(score)) for score in values])
    edges = _choose_edges(values, threshold)
    places = np.searchsorted(np.asarray(edges), values, side="right")
    number = len(edges) + 1
    people = np.bincount(places, minlength=number)
    cases = np.bincount(places, weights=risks, minlength=number).astype(np.float64)
    if not people[-1]:
        raise PermanentError("no film of this time lies at or above the threshold: there is nothing to plan")
    tested = _check_shares(shares, number) if shares is not None else _allocate(people, cases)
    bands = tuple(
        PlannedBand(
            begins=float(begins),
            people=float(people[band] / people.sum()),
            cases=float(cases[band] / cases.sum()),
            tested=float(tested[band]),
            positive=begins >= threshold,
        )
        for band, begins in enumerate([0.0, *edges])
    )
    size = plan_size(
        [
            ScoreBand(people=band.people, cases=band.cases, tested=band.tested, positive=band.positive)
            for band in bands
        ],
        prevalence,
        half_width,
        results,
        people_a_week,
    )
    return StudyPlan(
        bundle=f"{manifest.name} {manifest.version}",
        threshold=threshold,
        prevalence=prevalence,
        half_width=half_width,
        results=results,
        films=len(values),
        bands=bands,
        size=size,
    )


def _choose_edges(values: Floats, threshold: float) -> list[float]:
    """Return the rising scores at which a band begins: quantiles below the threshold, and the threshold."""
    below = values[values < threshold]
    edges = [float(np.quantile(below, place)) for place in PLACES_BELOW] if len(below) else []
    return sorted({edge for edge in edges if 0.0 < edge < threshold} | {threshold})


def _allocate(people: NDArray[np.int_], cases: Floats) -> list[float]:
    risks = np.divide(cases, people, out=np.zeros(len(cases)), where=people > 0)
    shares = np.sqrt(risks / risks[-1]) if risks[-1] else np.ones(len(risks))
    return [*(min(1.0, max(LEAST_SHARE, math.ceil(share * 100) / 100)) for share in shares[:-1]), 1.0]


def _check_shares(shares: Sequence[float], number: int) -> list[float]:
    if len(shares) != number:
        raise PermanentError(
            f"{len(shares)} shares for {number} score bands: give one for each, lowest first"
        )
    if not all(0 < share <= 1 for share in shares):
        raise PermanentError("a share of people to test lies above 0 and is 1 at most: 0.25 is a quarter")
    return list(shares)
