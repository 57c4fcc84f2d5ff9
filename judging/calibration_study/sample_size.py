"""People and tests of a study for a wanted precision of its sensitivity.

The variance of the logit of a sensitivity is the sum of one over the effective numbers of cases above and
below the threshold; a band in which a share p is tested has p times its cases as effective number (from
Begg and Greenes 1983, appendix, for few cases in a band).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from domain.errors import PermanentError
from judging.statistics import Z


class ScoreBand(BaseModel):
    """A band of scores, as expected."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: float = Field(ge=0, le=1)
    """Share of all people."""
    cases: float = Field(ge=0, le=1)
    """Share of the people with TB."""
    tested: float = Field(gt=0, le=1)
    """Probability of a test."""
    positive: bool
    """True above the threshold."""


class StudySize(BaseModel):
    """A study that reaches a precision."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: int
    tests: int
    cases_found: float
    """Cases among the tested, expected."""
    sensitivity: float
    half_width: float
    """Half the width of the 95 % interval, expected."""
    weeks: float | None


def plan_size(
    bands: Sequence[ScoreBand],
    prevalence: float,
    half_width: float,
    results: float = 1.0,
    people_a_week: float | None = None,
) -> StudySize:
    """Return the size of a study.

    Args:
        bands: score bands with the probability of a test in each; shares add up to 1.
        prevalence: expected share of TB among the people, 0..1.
        half_width: wanted half width of the interval of the sensitivity.
        results: share of the tests that give a result.
        people_a_week: people who are screened in a week.

    Raises:
        PermanentError: when shares do not add up to 1, or no case is expected on a side of the threshold.
    """
    for name in ("people", "cases"):
        total = sum(getattr(band, name) for band in bands)
        if abs(total - 1) > 0.01:
            raise PermanentError(f"the bands' shares of {name} add up to {total:.2f}, not to 1")
    if not (0 < prevalence < 1 and 0 < half_width < 0.5 and 0 < results <= 1):
        raise PermanentError("prevalence, half width and share of results lie between 0 and 1")
    inverse = 0.0
    for positive in (True, False):
        share = sum(band.cases for band in bands if band.positive is positive)
        if not share:
            raise PermanentError(
                "no case is expected on one side of the threshold: there is nothing to measure"
            )
        weighted = sum(band.cases / (band.tested * results) for band in bands if band.positive is positive)
        inverse += weighted / share**2
    sensitivity = sum(band.cases for band in bands if band.positive)
    spread = Z * sensitivity * (1 - sensitivity) / half_width
    people = math.ceil(inverse * spread**2 / prevalence)
    tests = people * sum(band.people * band.tested for band in bands)
    return StudySize(
        people=people,
        tests=math.ceil(tests),
        cases_found=people * prevalence * results * sum(band.cases * band.tested for band in bands),
        sensitivity=sensitivity,
        half_width=half_width,
        weeks=None if people_a_week is None else people / people_a_week,
    )
