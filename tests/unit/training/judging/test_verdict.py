from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from domain.bundle.calibration import IdentityCalibration
from judging.statistics import Estimate
from tests.unit.training.synthetic_films import POINTS, scored
from training.judging.baselines import BORDER, THUMBNAIL
from training.judging.evaluation import Evaluation, evaluate
from training.judging.left_out_figures import LeftOutFigures, Pair
from training.judging.verdict import Advice, LeftOutComparison, compare_left_out, judge_network

GOOD = (0.9, 0.8, 0.3)
"""Scores of two films with TB in three, and of the others reversed: an AUC of 0.89."""
BAD = (0.1, 0.2, 0.7)
PERFECT = (0.9, 0.8, 0.7)
SHIPPED = "the shipped model"


def evaluate_scores(
    ours: Sequence[float], theirs: Sequence[float] | None, thumbnail: Sequence[float], each: int = 30
) -> Evaluation:
    """Evaluate on `each` films with TB and as many without; the score of a film without TB is 1 less."""

    def spread(scores: Sequence[float]) -> list[float]:
        tb = [scores[number % len(scores)] + number / 1e4 for number in range(each)]
        return [*tb, *(1 - score for score in tb)]

    scores = spread(ours)
    labels = ["tb"] * each + ["normal"] * each
    films = scored(*(("a", label, score) for label, score in zip(labels, scores, strict=True)))
    baselines = {THUMBNAIL: np.array(spread(thumbnail)), BORDER: np.full(2 * each, 0.5)}
    reference = None if theirs is None else dict(zip(films.digests.tolist(), spread(theirs), strict=True))
    return evaluate(films, POINTS, IdentityCalibration(), baselines, reference)


def test_a_network_below_a_thumbnail_and_the_shipped_model_is_not_to_be_used() -> None:
    verdict = judge_network(
        evaluate_scores(BAD, PERFECT, GOOD), SHIPPED, 0, "with 300 films go on from it: --from shipped"
    )
    assert verdict.advice is Advice.REJECT
    assert verdict.sentence == (
        "AUC 0.11 on 60 test films, worse than the 16×16 thumbnail (0.89) and the shipped model (1.00): do "
        "not use it; with 300 films go on from it: --from shipped"
    )


def test_a_network_below_a_baseline_alone_is_not_to_be_used() -> None:
    verdict = judge_network(evaluate_scores(BAD, None, GOOD), SHIPPED)
    assert (
        verdict.sentence == "AUC 0.11 on 60 test films, worse than the 16×16 thumbnail (0.89): do not use it"
    )


def test_a_better_network_still_wants_another_hospital() -> None:
    verdict = judge_network(evaluate_scores(PERFECT, BAD, GOOD), SHIPPED)
    assert verdict.advice is Advice.USE
    assert verdict.sentence == (
        "AUC 1.00 on 60 test films, better than the shipped model (0.11); the trivial baselines reach 0.89: "
        "test it with films of a hospital that it has not seen"
    )


def test_a_network_that_is_not_shown_to_be_better_does_not_replace_the_shipped_model() -> None:
    verdict = judge_network(evaluate_scores(PERFECT, PERFECT, GOOD), SHIPPED)
    assert verdict.advice is Advice.KEEP
    assert verdict.sentence.endswith(": stay with the shipped model")
    better, worse = LeftOutComparison(0.91, 0.89), LeftOutComparison(0.89, 0.91)
    elsewhere = judge_network(evaluate_scores(PERFECT, PERFECT, GOOD), SHIPPED, left_out=better)
    assert elsewhere.advice is Advice.KEEP
    assert elsewhere.sentence == (
        "AUC 1.00 on 60 test films, not shown to be better than the shipped model (1.00); the trivial "
        "baselines reach 0.89; but at hospitals left out of training the AUC of TB against other illness is "
        "0.91 in the median, that of the shipped model 0.89: compare both on films of your own"
    )
    assert judge_network(evaluate_scores(PERFECT, PERFECT, GOOD), SHIPPED, left_out=worse) == verdict


def test_kept_weights_are_not_compared_with_themselves() -> None:
    verdict = judge_network(evaluate_scores(PERFECT, None, GOOD), SHIPPED, weights_of="bundle 529feceeb01c")
    assert verdict.advice is Advice.UNKNOWN
    assert "its weights are those of bundle 529feceeb01c: compare the thresholds" in verdict.sentence
    assert judge_network(evaluate_scores(BAD, None, GOOD), SHIPPED, weights_of="x").advice is Advice.REJECT


@pytest.mark.parametrize(
    ("evaluation", "seen", "said"),
    [
        (evaluate_scores(PERFECT, PERFECT, GOOD, each=10), 0, "too few to tell, 20 with TB and 20 without"),
        (evaluate_scores(PERFECT, None, GOOD), 0, "not compared with the shipped model"),
        (evaluate_scores(PERFECT, BAD, GOOD), 52, "of which 52 trained the bundle from which it started"),
    ],
)
def test_films_that_cannot_tell_give_no_advice(evaluation: Evaluation, seen: int, said: str) -> None:
    verdict = judge_network(evaluation, SHIPPED, seen)
    assert verdict.advice is Advice.UNKNOWN
    assert said in verdict.sentence


def test_films_of_one_class_tell_nothing() -> None:
    evaluation = evaluate(scored(("a", "tb", 0.9), ("a", "tb", 0.8)), POINTS, IdentityCalibration())
    assert judge_network(evaluation, SHIPPED).advice is Advice.UNKNOWN


def test_left_out_hospitals_that_say_otherwise_keep_a_worse_network_from_being_rejected() -> None:
    evaluation = evaluate_scores(GOOD, PERFECT, BAD)
    better, worse = LeftOutComparison(0.89, 0.85), LeftOutComparison(0.85, 0.89)
    verdict = judge_network(evaluation, SHIPPED, left_out=better)
    assert verdict.advice is Advice.KEEP
    assert verdict.sentence == (
        "AUC 0.89 on 60 test films, worse than the shipped model (1.00); but at hospitals left out of "
        "training the AUC of TB against other illness is 0.89 in the median, that of the shipped model "
        "0.85: compare both on films of your own"
    )
    assert judge_network(evaluation, SHIPPED, left_out=worse).advice is Advice.REJECT
    below_a_thumbnail = evaluate_scores(BAD, PERFECT, GOOD)
    assert judge_network(below_a_thumbnail, SHIPPED, left_out=better).advice is Advice.REJECT


def test_left_out_figures_are_compared_where_both_left_out_the_same_groups() -> None:
    def figures(*values: float) -> LeftOutFigures:
        pairs = [
            Pair(tb="a", ill=ill, auc=Estimate(value=v, low=v, high=v))
            for ill, v in zip("bcd", values, strict=True)
        ]
        return LeftOutFigures(
            groups=(("a",), ("b", "c", "d")), rows=(), points=(), pairs=tuple(pairs), bands=()
        )

    ours, theirs = figures(0.7, 0.9, 0.8), figures(0.6, 0.5, 0.9).model_dump(mode="json")
    assert compare_left_out(ours, theirs) == LeftOutComparison(0.8, 0.6)
    assert compare_left_out(ours, {**theirs, "groups": [["a", "b"], ["c", "d"]]}) is None
    assert compare_left_out(None, theirs) is None
    assert compare_left_out(ours, None) is None
