"""Accuracy from a verified sample: counted by hand, refused where it is not identifiable."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from domain.errors import PermanentError
from judging.calibration_study.accuracy import (
    FEW_BELOW,
    FEWEST_BELOW,
    UNTESTED_ABOVE,
    UNTESTED_BELOW,
    measure_rule,
    measure_thresholds,
    trace_rules,
)
from judging.calibration_study.verified_sample import VerifiedSample
from judging.statistics import measure_proportion


def make(
    groups: list[tuple[float, int, int, int]], clusters: int | None = None, stratum_at: float = 0.5
) -> VerifiedSample:
    """Return a sample of groups (score, people, tested, of them with TB), in two strata."""
    scores, verified, is_tb = [], [], []
    for score, people, tested, tb in groups:
        scores += [score] * people
        verified += [True] * tested + [False] * (people - tested)
        is_tb += [True] * tb + [False] * (people - tb)
    strata = (np.array(scores) >= stratum_at).astype(int)
    groups_of = None if clusters is None else np.arange(len(scores)) % clusters
    return VerifiedSample.make(scores, strata, verified, is_tb, groups_of)


PROGRAMME = [(0.2, 900, 100, 1), (0.8, 100, 50, 20)]
"""900 below, of whom 100 were tested and 1 had TB: 9 cases; 100 above, 50 tested, 20 with TB: 40 cases."""


def test_the_values_are_those_that_a_hand_counts() -> None:
    found = measure_thresholds(make(PROGRAMME), [0.5])[0]
    assert (found.people, found.referred, found.tested_above, found.tested_below) == (1000, 100, 50, 100)
    assert (found.tb_above, found.tb_below, found.reasons) == (20, 1, ())
    values = (found.sensitivity, found.specificity, found.ppv, found.npv, found.cases)
    assert [estimate and round(estimate.value, 6) for estimate in values] == [
        round(40 / 49, 6),
        round(891 / 951, 6),
        0.4,
        0.99,
        40,
    ]
    for estimate in values:
        assert estimate is not None
        assert estimate.low < estimate.value < estimate.high


def test_where_everybody_is_tested_the_intervals_are_those_of_proportions() -> None:
    found = measure_thresholds(make([(0.2, 900, 900, 9), (0.8, 100, 100, 40)]), [0.5])[0]
    assert found.sensitivity is not None
    assert (found.sensitivity.low, found.sensitivity.high) == pytest.approx(
        beta.ppf((0.025, 0.975), 40.5, 9.5)
    )
    for estimate, counted in ((found.specificity, (891, 951)), (found.ppv, (40, 100))):
        expected = measure_proportion(*counted)
        assert estimate is not None
        assert expected is not None
        assert estimate.model_dump() == pytest.approx(expected.model_dump())


def test_a_count_of_the_tested_alone_would_be_wrong() -> None:
    found = measure_thresholds(make(PROGRAMME), [0.5])[0]
    assert found.sensitivity is not None
    assert found.sensitivity.value + 0.1 < 20 / 21


def test_where_positives_alone_are_tested_there_is_no_sensitivity() -> None:
    found = measure_thresholds(make([(0.2, 900, 0, 0), (0.8, 100, 50, 20)]), [0.5])[0]
    assert (found.sensitivity, found.specificity, found.npv) == (None, None, None)
    assert found.ppv is not None
    assert found.cases is not None
    assert found.reasons == (UNTESTED_BELOW,)
    above = measure_thresholds(make([(0.2, 900, 100, 9), (0.8, 100, 0, 0)]), [0.5])[0]
    assert (above.sensitivity, above.ppv, above.cases) == (None, None, None)
    assert above.reasons == (UNTESTED_ABOVE,)


def test_few_tests_below_few_cases_and_few_clusters_give_no_sensitivity() -> None:
    few = make([(0.2, 900, FEWEST_BELOW - 1, 1), (0.8, 100, 50, 20)])
    found = measure_thresholds(few, [0.5])[0]
    assert (found.sensitivity, found.specificity, found.npv) == (None, None, None)
    assert found.reasons == (FEW_BELOW.format(FEWEST_BELOW),)
    rare = measure_thresholds(make([(0.2, 900, 100, 0), (0.8, 100, 50, 4)]), [0.5])[0]
    assert rare.sensitivity is None
    assert rare.specificity is not None
    assert measure_thresholds(make(PROGRAMME, clusters=3), [0.5])[0].sensitivity is None


def test_no_case_below_still_leaves_a_lower_bound() -> None:
    found = measure_thresholds(make([(0.2, 900, 100, 0), (0.8, 100, 50, 20)]), [0.5])[0]
    assert found.sensitivity is not None
    assert (found.sensitivity.value, found.sensitivity.high) == (1.0, 1.0)
    assert 0.5 < found.sensitivity.low < 0.75, "one unseen case stands for nine"


def test_clusters_widen_and_never_narrow() -> None:
    plain, grouped = (measure_thresholds(make(PROGRAMME, clusters), [0.5])[0] for clusters in (None, 10))
    for name in ("sensitivity", "specificity", "ppv", "npv"):
        narrow, wide = getattr(plain, name), getattr(grouped, name)
        assert (narrow.value, True) == (wide.value, wide.low <= narrow.low and wide.high >= narrow.high)


def test_a_rule_is_measured_like_its_threshold_and_curves_go_one_way() -> None:
    generator = np.random.default_rng(1)
    scores = generator.random(2000)
    sample = VerifiedSample.make(
        scores, (scores * 4).astype(int), generator.random(2000) < 0.5, generator.random(2000) < scores**3
    )
    thresholds = np.linspace(0.1, 0.9, 9)
    found = measure_thresholds(sample, thresholds)
    rule = measure_rule(sample, sample.scores >= thresholds[4])
    for name in ("sensitivity", "specificity", "ppv", "npv", "cases"):
        assert getattr(rule, name).model_dump() == pytest.approx(getattr(found[4], name).model_dump())
    assert (rule.threshold, rule.referred, rule.tb_below) == (None, found[4].referred, found[4].tb_below)
    curves = trace_rules(sample, sample.scores[None] >= thresholds[:, None])
    assert (np.diff(curves.sensitivity.value) <= 0).all()
    assert (np.diff(curves.specificity.value) >= 0).all()


@pytest.mark.parametrize(
    ("scores", "strata"), [([0.1, np.nan], [0, 0]), ([0.1], [0, 0]), ([], []), ([0.1, 0.2], [0, -1])]
)
def test_what_is_no_sample_is_refused(scores: list[float], strata: list[int]) -> None:
    with pytest.raises(PermanentError):
        VerifiedSample.make(scores, strata, [True] * len(scores), [True] * len(scores))
