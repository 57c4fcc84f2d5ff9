"""Watch over the share of people whom a new site refers, without any label.

The alternative is that twice as many people without TB are referred as the operating point's specificity
says; a site with up to twice the stated prevalence is as expected. The test is sequential: the likelihood
ratio of the two is looked at after each person, and exceeds 50 with a probability of at most 2 % in a site
that is as expected, however long it is watched (Wald 1945; Ville 1939).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from domain.languages.sentence import Sentence, say

BOUND: Final = math.log(50)


@dataclass(frozen=True)
class ExpectedReferral:
    """Referral as an operating point and a prevalence let expect it; all values 0..1."""

    prevalence: float
    sensitivity: float
    specificity: float

    @property
    def share(self) -> float:
        """Share of people referred at this prevalence."""
        return self._refer(self.prevalence, 1 - self.specificity)

    @property
    def highest(self) -> float:
        """Share at twice the prevalence."""
        return self._refer(min(2 * self.prevalence, 1.0), 1 - self.specificity)

    @property
    def shifted(self) -> float:
        """Share where twice as many people without TB are referred."""
        return self._refer(self.prevalence, min(2 * (1 - self.specificity), 1.0))

    def _refer(self, prevalence: float, alarms: float) -> float:
        return prevalence * self.sensitivity + (1 - prevalence) * alarms


@dataclass(frozen=True)
class ReferralWatch:
    """The result of the watch."""

    people: int
    referred: int
    expected: float
    """Share of people, 0..1."""
    warned_after: int | None
    """People after whom it was clear that the site refers more than expected; None: it is not."""

    @property
    def share(self) -> float:
        """Share of people referred, 0..1."""
        return self.referred / self.people if self.people else 0.0

    def describe(self) -> Sentence:
        """Return one sentence for people."""
        return say(
            "{share:.0f} % of {number} people are referred; {expected:.0f} % were expected at the prevalence "
            "that reports.prevalence states",
            share=100 * self.share,
            number=self.people,
            expected=100 * self.expected,
        )


def watch(outcomes: Iterable[bool], expected: ExpectedReferral) -> ReferralWatch:
    """Watch people in the order in which they came.

    Args:
        outcomes: True for each person referred.
        expected: what the operating point lets expect.
    """
    low, high = expected.highest, expected.shifted
    possible = 0.0 < low < high < 1.0
    gain = math.log(high / low) if possible else 0.0
    loss = math.log((1 - high) / (1 - low)) if possible else 0.0
    people, referred, evidence, warned_after = 0, 0, 0.0, None
    for positive in outcomes:
        people += 1
        referred += positive
        evidence += gain if positive else loss
        if possible and warned_after is None and evidence >= BOUND:
            warned_after = people
    return ReferralWatch(people, referred, expected.share, warned_after)
