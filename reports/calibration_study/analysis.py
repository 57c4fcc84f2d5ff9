"""The analysis of a calibration study: accuracy at each threshold, by group, costs, and a recommendation.

People who were tested without having been drawn do not count: they stand for nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from db.calibration_study.people import EnrolledPerson
from domain.bacteriology import Truth
from domain.errors import PermanentError
from judging.calibration_study.accuracy import Accuracy, measure_thresholds
from judging.calibration_study.missing_results import SensitivityBound, bound_sensitivity
from judging.calibration_study.threshold_choice import (
    ChosenThreshold,
    NoThresholdError,
    Policy,
    choose_threshold,
    find_threshold,
)
from judging.calibration_study.verified_sample import VerifiedSample
from judging.statistics import Estimate
from reports.calibration_study.person_cells import PersonTable, choose_cells
from reports.period import Period
from reports.person_groups import name_age, name_sex

REFERRED: Final = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7)
"""Shares of people referred, at whose thresholds the accuracy is shown."""
ODDS: Final = 2.0
"""People without a result have at most twice, and at least half, the odds of TB of those with one."""
POLICIES: Final = (
    *(Policy(sensitivity=wanted) for wanted in (0.8, 0.85, 0.9, 0.95)),
    *(Policy(referred=most) for most in (0.1, 0.2, 0.3)),
)
"""Policies whose thresholds are shown beside each other."""
MOST_GROUPS: Final = 12
NO_STATION: Final = "not named"

Mask = NDArray[np.bool_]


class Part(BaseModel):
    """Base class of the parts of an analysis; immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BandCount(Part):
    """People of a score band."""

    begins: float
    share: float
    """Probability of a test."""
    people: int
    drawn: int
    tb: int
    not_tb: int
    waiting: int
    """Drawn without a result that decides."""


class Prices(Part):
    """Prices in the site's currency."""

    film: float
    test: float


class Yield(Part):
    """Tests and costs of a threshold for one case that is found; None where the cases are not known."""

    threshold: float
    tests_per_case: Estimate | None
    cost_per_case: Estimate | None


class GroupAccuracy(Part):
    """Accuracy within a group of people, at one threshold."""

    kind: str
    name: str
    accuracy: Accuracy


class PolicyThreshold(Part):
    """The threshold of a policy on the people it was chosen on, or the reason why there is none."""

    policy: Policy
    accuracy: Accuracy | None
    refusal: str | None


class StudyAnalysis(Part):
    """All figures of a calibration study."""

    name: str
    bundle: str
    bundle_digest: str
    first: date
    last: date
    people: int
    repeated: int
    """Enrolled people who were found to be another enrolled person."""
    undrawn_tested: int
    """People with a result who were not drawn; they do not count."""
    clusters: str | None
    bands: tuple[BandCount, ...]
    current: Accuracy
    """At the threshold in use when the study was planned."""
    thresholds: tuple[Accuracy, ...]
    policy: Policy
    recommended: ChosenThreshold | None
    refusal: str | None
    """Reason for no recommendation."""
    policies: tuple[PolicyThreshold, ...] = ()
    """`POLICIES`; empty in records of versions that did not compare them."""
    bound: SensitivityBound | None
    """Sensitivity at the recommended threshold, or else at the current one, where results are missing not at
    random."""
    groups: tuple[GroupAccuracy, ...]
    """At the same threshold."""
    yields: tuple[Yield, ...]
    prices: Prices | None
    table: PersonTable | None = None
    """Thresholds by age and sex; None where they were not asked for, or none is recommended for everybody."""

    @property
    def judged(self) -> Accuracy:
        """The recommended threshold's accuracy on the people it was chosen on; else the current one's."""
        return self.current if self.recommended is None else self.recommended.accuracy


def count_bands(
    people: Sequence[EnrolledPerson], edges: Sequence[float], shares: Sequence[float]
) -> tuple[BandCount, ...]:
    """Count the people of each score band."""
    counts = []
    for band, (begins, share) in enumerate(zip([0.0, *edges], shares, strict=True)):
        here = [person for person in people if person.band == band]
        decided = [person for person in here if _is_verified(person)]
        drawn = sum(person.drawn for person in here)
        tb = sum(person.truth is Truth.TB for person in decided)
        counts.append(
            BandCount(
                begins=begins,
                share=share,
                people=len(here),
                drawn=drawn,
                tb=tb,
                not_tb=len(decided) - tb,
                waiting=drawn - len(decided),
            )
        )
    return tuple(counts)


def analyse(
    name: str,
    bundle: str,
    digest: str,
    period: Period,
    people: Sequence[EnrolledPerson],
    edges: Sequence[float],
    shares: Sequence[float],
    threshold: float,
    policy: Policy,
    *,
    repeated: int = 0,
    by_station: bool = False,
    by_group: bool = False,
    prices: Prices | None = None,
) -> StudyAnalysis:
    """Analyse a study.

    Args:
        name: the study's name.
        bundle: name and version of the bundle.
        digest: digest of the bundle.
        period: days of the study.
        people: its people.
        edges: rising scores at which a band begins.
        shares: probability of a test in each band.
        threshold: threshold in use.
        policy: demands on the recommended threshold.
        repeated: number of people left out because they are another one of them.
        by_station: stations, not people, were sampled: intervals cover the differences between them.
        by_group: choose thresholds by age and sex, too.
        prices: for costs; None: no costs.

    Raises:
        PermanentError: when nobody has a result.
    """
    if not any(_is_verified(person) for person in people):
        raise PermanentError(
            "nobody who was drawn has a result yet: 'tbscreen study tests' lists whom to test, and 'tbscreen "
            "results import' takes the laboratory's file"
        )
    sample = _make_sample(people, by_station)
    recommended, refusal = _recommend(sample, policy)
    chosen = threshold if recommended is None else recommended.threshold
    shown = _list_thresholds(sample, threshold, chosen)
    thresholds = measure_thresholds(sample, shown)
    drawn = np.array([person.drawn for person in people], dtype=bool)
    return StudyAnalysis(
        name=name,
        bundle=bundle,
        bundle_digest=digest,
        first=period.first,
        last=period.last,
        people=len(people),
        repeated=repeated,
        undrawn_tested=sum(person.truth is not None and not person.drawn for person in people),
        clusters="stations" if by_station else None,
        bands=count_bands(people, edges, shares),
        current=measure_thresholds(sample, [threshold])[0],
        thresholds=tuple(thresholds),
        policy=policy,
        recommended=recommended,
        refusal=refusal,
        policies=tuple(_try(sample, other) for other in POLICIES),
        bound=bound_sensitivity(sample, drawn, chosen, ODDS),
        groups=tuple(_measure_groups(people, chosen)),
        yields=tuple(_measure_yield(accuracy, prices) for accuracy in thresholds),
        prices=prices,
        table=(
            choose_cells(
                people,
                lambda some: choose_threshold(some, policy),
                recommended.threshold,
                lambda some: _make_sample(some, by_station),
            )
            if by_group and recommended is not None
            else None
        ),
    )


def _is_verified(person: EnrolledPerson) -> bool:
    return person.drawn and person.truth in (Truth.TB, Truth.NOT_TB)


def _make_sample(people: Sequence[EnrolledPerson], by_station: bool = False) -> VerifiedSample:
    verified = [_is_verified(person) for person in people]
    stations = np.unique([person.station or NO_STATION for person in people], return_inverse=True)[1]
    return VerifiedSample.make(
        [person.score for person in people],
        [person.band for person in people],
        verified,
        [known and person.truth is Truth.TB for known, person in zip(verified, people, strict=True)],
        stations if by_station else None,
    )


def _recommend(sample: VerifiedSample, policy: Policy) -> tuple[ChosenThreshold | None, str | None]:
    try:
        return choose_threshold(sample, policy), None
    except NoThresholdError as error:
        return None, str(error)


def _try(sample: VerifiedSample, policy: Policy) -> PolicyThreshold:
    try:
        threshold = find_threshold(sample, policy)
    except NoThresholdError as error:
        return PolicyThreshold(policy=policy, accuracy=None, refusal=str(error))
    (accuracy,) = measure_thresholds(sample, [threshold])
    return PolicyThreshold(policy=policy, accuracy=accuracy, refusal=None)


def _list_thresholds(sample: VerifiedSample, *always: float) -> list[float]:
    at = np.quantile(sample.scores, [1 - share for share in REFERRED], method="inverted_cdf")
    return sorted({float(value) for value in at} | set(always))


def _measure_groups(people: Sequence[EnrolledPerson], threshold: float) -> list[GroupAccuracy]:
    """Return the accuracy within groups, in which a band's share of tested people is the group's own."""
    kinds: tuple[tuple[str, Callable[[EnrolledPerson], str]], ...] = (
        ("age", lambda person: name_age(person.age_years)),
        ("sex", lambda person: name_sex(person.sex)),
        ("station", lambda person: person.station or NO_STATION),
    )
    measured = []
    for kind, name_group in kinds:
        names = sorted({name_group(person) for person in people})
        largest = sorted(names, key=lambda name: -sum(name_group(person) == name for person in people))
        for name in sorted(largest[:MOST_GROUPS]):
            members = [person for person in people if name_group(person) == name]
            (accuracy,) = measure_thresholds(_make_sample(members), [threshold])
            measured.append(GroupAccuracy(kind=kind, name=name, accuracy=accuracy))
    return measured


def _measure_yield(accuracy: Accuracy, prices: Prices | None) -> Yield:
    tests = _divide(accuracy.referred, accuracy.cases)
    cost = None
    if prices is not None:
        total = prices.film * accuracy.people + prices.test * accuracy.referred
        cost = _divide(total, accuracy.cases)
    return Yield(threshold=accuracy.threshold or 0.0, tests_per_case=tests, cost_per_case=cost)


def _divide(total: float, cases: Estimate | None) -> Estimate | None:
    """Return a total for one case; None where no case is expected, or the interval has no end."""
    if cases is None or cases.low <= 0:
        return None
    return Estimate(value=total / cases.value, low=total / cases.high, high=total / cases.low)
