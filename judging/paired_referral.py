"""Two networks on the same films: the films that each refers, and the threshold at which they refer as many.

Films that one refers and the other does not decide alone. The test is McNemar's exact one: without a change,
each of these films is as likely to be referred by the one as by the other (McNemar 1947; Clopper and Pearson
1934). An interval of a threshold holds all thresholds that the test does not reject.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from scipy.stats import binom

from domain.errors import PermanentError
from judging.statistics import Estimate

FEWEST_REFERRED: Final = 20
"""Minimum number of films that the reference refers, and that it does not refer, for a threshold."""
ALPHA: Final = 0.05
MOST_CANDIDATES: Final = 5000
"""Thresholds that are tried at most, at even shares of the films."""

Floats = NDArray[np.float64]


class ReferralChange(BaseModel):
    """Films that two networks refer, each at its own threshold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    films: int
    candidate: int
    """Films that the candidate refers."""
    reference: int
    only_candidate: int
    only_reference: int
    p: float
    """McNemar's exact test, two-sided."""

    @property
    def is_change(self) -> bool:
        """True when chance alone does not explain the difference."""
        return self.p < ALPHA


class EquivalentThreshold(BaseModel):
    """The threshold of a candidate at which it refers as many films as the reference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    films: int
    referred: int
    """Films that the reference refers."""
    threshold: Estimate
    """With its 95 % interval."""


def compare_referral(
    candidate: ArrayLike, reference: ArrayLike, thresholds: tuple[float, float]
) -> ReferralChange:
    """Compare the films that two networks refer.

    Args:
        candidate: scores, shape (n,), 0..1; a film is referred from the threshold on.
        reference: scores of the same films.
        thresholds: that of the candidate, and that of the reference.
    """
    ours = np.asarray(candidate, dtype=np.float64) >= thresholds[0]
    theirs = np.asarray(reference, dtype=np.float64) >= thresholds[1]
    gained, lost = int((ours & ~theirs).sum()), int((~ours & theirs).sum())
    return ReferralChange(
        films=len(ours),
        candidate=int(ours.sum()),
        reference=int(theirs.sum()),
        only_candidate=gained,
        only_reference=lost,
        p=float(_test(np.array([gained]), np.array([lost]))[0]),
    )


def find_equivalent_threshold(
    candidate: ArrayLike, reference: ArrayLike, threshold: float
) -> EquivalentThreshold:
    """Find the threshold at which a candidate refers as many of these films as the reference.

    On films of people with TB alone it is the threshold of the same sensitivity.

    Args:
        candidate: scores, shape (n,), 0..1; a film is referred from the threshold on.
        reference: scores of the same films.
        threshold: threshold of the reference.

    Raises:
        PermanentError: when the reference refers, or does not refer, fewer than `FEWEST_REFERRED` films.
    """
    ours, theirs = np.asarray(candidate, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    referred = theirs >= threshold
    number = int(referred.sum())
    if min(number, len(ours) - number) < FEWEST_REFERRED:
        raise PermanentError(
            f"of {len(ours)} films the bundle in use refers {number}: {FEWEST_REFERRED} on each side of its "
            "threshold are needed"
        )
    candidates = _list_candidates(ours)
    gained = number_from(ours[~referred], candidates)
    lost = number - number_from(ours[referred], candidates)
    accepted = candidates[_test(gained, lost) >= ALPHA]
    value = float(np.sort(ours)[len(ours) - number])
    low, high = (float(accepted.min()), float(accepted.max())) if len(accepted) else (value, value)
    estimate = Estimate(value=value, low=min(low, value), high=max(high, value))
    return EquivalentThreshold(films=len(ours), referred=number, threshold=estimate)


def number_from(values: Floats, thresholds: Floats) -> NDArray[np.int_]:
    """Return the number of values at or above each threshold."""
    return np.asarray(len(values) - np.searchsorted(np.sort(values), thresholds, side="left"), dtype=np.int_)


def _list_candidates(scores: Floats) -> Floats:
    values = np.unique(scores)
    if len(values) <= MOST_CANDIDATES:
        return values
    return np.unique(np.quantile(scores, np.linspace(0, 1, MOST_CANDIDATES), method="inverted_cdf"))


def _test(gained: NDArray[np.int_], lost: NDArray[np.int_]) -> Floats:
    """Return the two-sided p of McNemar's exact test, 0..1, for each pair of counts."""
    both = gained + lost
    tail = binom.cdf(np.minimum(gained, lost), both, 0.5)
    return np.asarray(np.minimum(2 * tail, 1.0), dtype=np.float64)
