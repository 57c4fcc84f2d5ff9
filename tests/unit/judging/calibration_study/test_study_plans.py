"""Bounds, thresholds under a policy and sample sizes, against what is known by construction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.calibration_study.programmes import EDGES, KINDS, SAMPLED, Kind, draw, find_truth
from domain.errors import PermanentError
from judging.calibration_study.accuracy import measure_thresholds
from judging.calibration_study.missing_results import bound_sensitivity
from judging.calibration_study.sample_size import ScoreBand, plan_size
from judging.calibration_study.threshold_choice import NoThresholdError, Policy, choose_threshold
from judging.calibration_study.verified_sample import VerifiedSample

BY_NAME = {kind.name: kind for kind in KINDS}
COMMON = BY_NAME["prevalence 20 %"]
CUT = float(norm.cdf(0.6))


def draw_sample(kind: Kind = COMMON, seed: int = 1) -> VerifiedSample:
    return draw(kind, np.random.default_rng(seed)).sample


def test_a_bound_holds_the_plain_interval_and_grows_with_the_odds() -> None:
    programme = draw(BY_NAME["5 %, missing not at random"], np.random.default_rng(1))
    plain = measure_thresholds(programme.sample, [CUT])[0].sensitivity
    bounds = [bound_sensitivity(programme.sample, programme.sampled, CUT, odds) for odds in (1.0, 2.0, 8.0)]
    assert plain is not None
    for bound in bounds:
        assert bound is not None
    widths = [bound.greatest.high - bound.least.low for bound in bounds if bound]
    assert bounds[0] is not None
    assert bounds[0].least == bounds[0].greatest
    assert bounds[0].least.value == pytest.approx(plain.value)
    assert (bounds[0].least.low, bounds[0].least.high) == pytest.approx((plain.low, plain.high))
    assert widths == sorted(widths)
    assert bounds[0].missing == (programme.sampled & ~programme.sample.verified).sum() > 0


def test_a_bound_needs_odds_and_people_who_were_sampled() -> None:
    programme = draw(COMMON, np.random.default_rng(1))
    with pytest.raises(PermanentError, match="give 1 or more"):
        bound_sensitivity(programme.sample, programme.sampled, CUT, 0.5)
    with pytest.raises(PermanentError, match="was not sampled"):
        bound_sensitivity(programme.sample, ~programme.sampled, CUT, 2.0)
    positives = draw(BY_NAME["5 %, positives alone tested"], np.random.default_rng(1))
    assert bound_sensitivity(positives.sample, positives.sampled, CUT, 2.0) is None


def test_the_highest_threshold_whose_lower_bound_reaches_the_demand_is_chosen() -> None:
    sample, policy = draw_sample(), Policy(sensitivity=0.9)
    chosen = choose_threshold(sample, policy)
    higher = choose_threshold(sample, Policy(sensitivity=0.8))
    assert higher.threshold > chosen.threshold
    assert chosen.accuracy.sensitivity is not None
    assert chosen.accuracy.sensitivity.value > 0.88
    assert find_truth(COMMON, float(norm.ppf(chosen.threshold)))["sensitivity"] > 0.88
    assert chosen.cross_fitted is not None
    assert chosen.cross_fitted.people == len(sample.scores)


def test_a_limit_of_tests_chooses_the_lowest_threshold_that_keeps_it() -> None:
    sample = draw_sample()
    chosen = choose_threshold(sample, Policy(referred=0.3))
    assert 0.29 < (sample.scores >= chosen.threshold).mean() <= 0.3
    with pytest.raises(NoThresholdError, match="with so few people referred"):
        choose_threshold(sample, Policy(sensitivity=0.95, referred=0.2))
    with pytest.raises(NoThresholdError, match="demands nothing"):
        choose_threshold(sample, Policy())


def test_no_threshold_is_recommended_where_sensitivity_cannot_be_known() -> None:
    with pytest.raises(NoThresholdError, match="cannot be known"):
        choose_threshold(draw_sample(BY_NAME["5 %, positives alone tested"]), Policy(sensitivity=0.9))
    with pytest.raises(NoThresholdError, match="test more people"):
        choose_threshold(draw_sample(BY_NAME["prevalence 0.5 %"]), Policy(sensitivity=0.97))


def test_whole_clusters_are_left_out_of_a_fold() -> None:
    chosen = choose_threshold(
        draw_sample(BY_NAME["5 %, 20 clusters"]), Policy(sensitivity=0.85, tolerance=0.1)
    )
    assert chosen.cross_fitted is not None
    assert chosen.cross_fitted.sensitivity is not None


def make_bands(kind: Kind) -> list[ScoreBand]:
    edges = np.array([-np.inf, *EDGES, np.inf])
    of_others, of_tb = (np.diff(norm.cdf(edges - distance)) for distance in (0.0, 1.9))
    people = (1 - kind.prevalence) * of_others + kind.prevalence * of_tb
    return [
        ScoreBand(people=people[at], cases=of_tb[at], tested=SAMPLED[at], positive=at >= 2) for at in range(4)
    ]


def test_a_study_of_the_planned_size_has_the_planned_precision() -> None:
    plan = plan_size(make_bands(COMMON), COMMON.prevalence, half_width=0.04, people_a_week=500)
    kind = Kind("planned", COMMON.prevalence, people=plan.people)
    widths, tests = [], []
    for seed in range(10):
        sample = draw_sample(kind, seed)
        estimate = measure_thresholds(sample, [CUT])[0].sensitivity
        assert estimate is not None
        widths.append((estimate.high - estimate.low) / 2)
        tests.append(sample.verified.sum())
    assert np.mean(widths) == pytest.approx(0.04, rel=0.25)
    assert np.mean(tests) == pytest.approx(plan.tests, rel=0.05)
    assert plan.weeks == pytest.approx(plan.people / 500)
    assert plan.sensitivity == pytest.approx(find_truth(COMMON)["sensitivity"])


def test_less_precision_and_more_cases_need_fewer_people() -> None:
    bands = make_bands(COMMON)
    sizes = [
        plan_size(bands, 0.05, 0.05).people,
        plan_size(bands, 0.05, 0.1).people,
        plan_size(bands, 0.1, 0.1).people,
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert plan_size(bands, 0.05, 0.05, results=0.8).people > sizes[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [({"people": 0.5}, "add up to"), ({"positive": True}, "no case is expected"), ({}, "between 0 and 1")],
)
def test_a_plan_that_makes_no_sense_is_refused(change: dict[str, object], said: str) -> None:
    bands = [band.model_copy(update=change) for band in make_bands(COMMON)]
    with pytest.raises(PermanentError, match=said):
        plan_size(bands, 0.05 if change else 0.0, 0.05)
