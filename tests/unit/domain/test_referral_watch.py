"""The watch over the share of people referred: early where a site is shifted, quiet where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from domain.referral_watch import ExpectedReferral, ReferralWatch, watch

SITES = 1000
SHIPPED = ExpectedReferral(prevalence=0.02, sensitivity=0.88, specificity=0.70)


def simulate(expected: ExpectedReferral, share: float, people: int) -> list[ReferralWatch]:
    generator = np.random.default_rng(3)
    return [watch(generator.random(people) < share, expected) for _ in range(SITES)]


def test_what_is_expected_is_counted_by_hand() -> None:
    assert SHIPPED.share == pytest.approx(0.02 * 0.88 + 0.98 * 0.3)
    assert SHIPPED.highest == pytest.approx(0.04 * 0.88 + 0.96 * 0.3)
    assert SHIPPED.shifted == pytest.approx(0.02 * 0.88 + 0.98 * 0.6)


def test_a_shifted_site_is_seen_within_200_people() -> None:
    seen = [found for found in simulate(SHIPPED, SHIPPED.shifted, 200) if found.warned_after is not None]
    assert len(seen) >= 0.9 * SITES
    assert max(found.warned_after or 0 for found in seen) <= 200


@pytest.mark.parametrize("share", [SHIPPED.share, SHIPPED.highest], ids=["as stated", "twice the prevalence"])
def test_a_site_that_is_as_expected_is_left_alone_for_a_year(share: float) -> None:
    warned = sum(found.warned_after is not None for found in simulate(SHIPPED, share, 2000))
    assert warned <= 0.02 * SITES


def test_a_specificity_that_is_lost_in_the_prevalence_warns_of_nothing() -> None:
    rare = ExpectedReferral(prevalence=0.3, sensitivity=0.9, specificity=0.99)
    assert rare.shifted < rare.highest
    assert watch([True] * 100, rare).warned_after is None


def test_it_is_said_in_a_sentence() -> None:
    found = watch([True, True, True, False], SHIPPED)
    assert found.describe() == (
        "75 % of 4 people are referred; 31 % were expected at the prevalence that reports.prevalence states"
    )
    assert watch([], SHIPPED).share == 0
