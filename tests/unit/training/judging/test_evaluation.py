"""Evaluations of films whose figures are known by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from domain.bundle.calibration import IdentityCalibration, IsotonicCalibration
from domain.errors import PermanentError
from tests.unit.training.synthetic_films import (
    CALIBRATION,
    POINTS,
    draw_films,
    evaluate_drawn,
    film,
    scored,
)
from training.judging.evaluation import Evaluation, compare, describe, evaluate
from training.judging.scored_films import ScoredFilms, gather

FILMS = scored(
    ("both", "tb", 0.9),
    ("both", "tb", 0.5),
    ("both", "normal", 0.6),
    ("both", "normal", 0.1),
    ("both", "other", 0.3),
    ("ill", "tb", 0.8),
    ("ill", "tb", 0.2),
    ("well", "normal", 0.05),
    ("well", "normal", 0.75),
)


def test_each_place_stands_by_itself() -> None:
    rows = {row.name: row for row in evaluate(FILMS, POINTS, CALIBRATION).sources}
    assert list(rows) == ["both", "ill", "well"]
    both = rows["both"]
    assert (both.tb, both.not_tb) == (2, 3)
    assert both.auc is not None
    assert both.auc.value == pytest.approx(5 / 6)
    assert {name: share.value for name, share in both.sensitivity.items()} == {
        "screening": 1.0,
        "rule_in": 0.5,
    }
    assert both.specificity["screening"].value == pytest.approx(2 / 3)
    assert both.specificity["rule_in"].value == 1.0


def test_one_class_has_no_auc_and_only_the_share_that_it_can_have() -> None:
    rows = {row.name: row for row in evaluate(FILMS, POINTS, CALIBRATION).sources}
    ill, well = rows["ill"], rows["well"]
    assert (ill.auc, well.auc, ill.specificity, well.sensitivity) == (None, None, {}, {})
    assert ill.sensitivity["screening"].value == 0.5
    assert (well.specificity["rule_in"].value, well.not_tb) == (0.5, 2)


def test_the_ill_without_tb_have_a_specificity_of_their_own() -> None:
    rows = {row.name: row for row in evaluate(FILMS, POINTS, CALIBRATION).labels}
    assert list(rows) == ["tb", "normal", "other"]
    assert rows["other"].specificity["screening"].value == 1.0
    assert rows["normal"].specificity["screening"].value == 0.5


def test_baselines_stand_in_the_rows_that_they_have_scored_whole() -> None:
    everywhere = np.array([0.1, 0.2, 0.3, 0.4, 0.15, 0.9, 0.9, 0, 0])
    within = np.where(FILMS.sources == "both", everywhere, np.nan)
    evaluation = evaluate(FILMS, POINTS, CALIBRATION, {"all": everywhere, "within": within})
    assert set(evaluation.overall.baselines) == {"all"}
    rows = {row.name: row for row in evaluation.sources}
    assert set(rows["both"].baselines) == {"all", "within"}
    assert rows["both"].baselines["within"].value == pytest.approx(1 / 6)
    assert rows["ill"].baselines == {}


def test_only_test_films_are_judged_and_the_others_tell_what_was_seen() -> None:
    films = gather(
        [film(1, "tb", "a"), film(2, "normal", "a"), film(3, "tb", "new"), film(4, "normal", "a")],
        ["test", "test", "test", "train"],
        [0.9, 0.1, 0.8, np.nan],
    )
    evaluation = evaluate(films, POINTS, CALIBRATION)
    assert (evaluation.overall.tb, evaluation.overall.not_tb) == (2, 1)
    assert {row.name: row.seen_in_training for row in evaluation.sources} == {"a": True, "new": False}


def test_operating_points_are_measured_on_the_test_films() -> None:
    points = {point.name: point for point in evaluate(FILMS, POINTS, CALIBRATION).operating_points}
    assert points["screening"].confusion.model_dump() == {
        "true_positive": 3,
        "false_negative": 1,
        "false_positive": 2,
        "true_negative": 3,
    }


def test_a_calibration_is_checked_where_it_holds() -> None:
    films = FILMS
    share = 4 / 9
    evaluation = evaluate(films, POINTS, CALIBRATION)
    assert evaluation.calibration is not None
    assert evaluation.calibration.prevalence == pytest.approx(share)
    odds = films.scores / (1 - films.scores) * (share / (1 - share))
    expected = np.mean((odds / (1 + odds) - films.is_tb) ** 2)
    assert evaluation.calibration.brier.value == pytest.approx(expected)
    assert sum(row.films for row in evaluation.calibration.bins) == 9
    low = IsotonicCalibration(scores=(0.0, 1.0), probabilities=(0.001, 0.01), prevalence=0.005)
    restated = evaluate(films, POINTS, low).calibration
    assert restated is not None
    assert max(row.probability for row in restated.bins) > 0.4


def test_no_calibration_no_figures_of_it() -> None:
    assert evaluate(FILMS, POINTS, IdentityCalibration()).calibration is None


def test_subgroups_are_those_that_are_known() -> None:
    films = gather(
        [
            film(1, "tb", "a", sex="F", age=14, view="PA"),
            film(2, "normal", "a", sex="F", age=15),
            film(3, "tb", "a", age=24),
            film(4, "normal", "a", sex="M", age=65, view="AP"),
            film(5, "normal", "a", age=110),
        ],
        ["test"] * 5,
        [0.9, 0.1, 0.3, 0.8, 0.2],
    )
    groups = evaluate(films, POINTS, CALIBRATION).subgroups
    sizes = {kind: {row.name: (row.tb, row.not_tb) for row in rows} for kind, rows in groups.items()}
    assert sizes == {
        "sex": {"F": (1, 1), "M": (0, 1)},
        "age": {"under 15": (1, 0), "15–24": (1, 1), "65 and over": (0, 2)},
        "view": {"AP": (0, 1), "PA": (1, 0)},
    }
    assert evaluate(FILMS, POINTS, CALIBRATION).subgroups == {}


def test_a_source_left_out_is_a_row_said_to_be_unseen() -> None:
    row = describe("far hospital", FILMS.select(FILMS.sources == "both"), POINTS)
    evaluation = evaluate(FILMS, POINTS, CALIBRATION, unseen=[row])
    assert [(figures.name, figures.seen_in_training) for figures in evaluation.unseen] == [
        ("far hospital", False)
    ]
    assert evaluation.unseen[0].auc == row.auc


def score_by_digest(films: ScoredFilms) -> dict[str, float]:
    """Return the scores of films by digest."""
    return dict(zip(films.digests.tolist(), films.scores.tolist(), strict=True))


def reverse(films: ScoredFilms) -> dict[str, float]:
    """Return the scores of a model that says the opposite."""
    return {digest: 1 - score for digest, score in score_by_digest(films).items()}


def test_a_model_is_compared_on_the_films_that_both_have_scored() -> None:
    films = draw_films().select_part("test")
    opposite = reverse(films)
    left_out = films.digests[films.sources == "only tb"].tolist()
    for digest in left_out:
        del opposite[digest]
    comparisons = {row.name: row for row in compare(films, opposite)}
    assert set(comparisons) == {"all test films", "one place"}
    whole = comparisons["all test films"]
    assert whole.tb == films.is_tb.sum() - len(left_out)
    assert whole.reference_auc.value == pytest.approx(1 - whole.auc.value)
    assert whole.difference.value == pytest.approx(2 * whole.auc.value - 1)
    assert not whole.is_worse
    back = compare(replace(films, scores=1 - films.scores), score_by_digest(films))[0]
    assert back.is_worse
    assert compare(films, score_by_digest(films))[0].difference.value == 0
    assert compare(films, {}) == ()


def test_an_evaluation_survives_json() -> None:
    evaluation = evaluate_drawn(draw_films())
    text = json.dumps(evaluation.model_dump(mode="json"), allow_nan=False)
    assert Evaluation.model_validate_json(text) == evaluation
    assert evaluate_drawn(draw_films()) == evaluation


def test_films_of_one_class_are_evaluated_as_far_as_they_go() -> None:
    evaluation = evaluate(scored(("a", "normal", 0.2), ("a", "other", 0.5)), POINTS, CALIBRATION)
    assert (evaluation.overall.auc, evaluation.average_precision, evaluation.calibration) == (
        None,
        None,
        None,
    )
    assert evaluation.overall.specificity["screening"].value == 0.5


def test_no_test_films_is_an_error() -> None:
    with pytest.raises(PermanentError, match="no test films"):
        evaluate(gather([film(1, "tb", "a")], ["train"], [np.nan]), POINTS, CALIBRATION)
    with pytest.raises(PermanentError, match="1 test films have no score"):
        evaluate(scored(("a", "tb", np.nan), ("a", "tb", 0.1)), POINTS, CALIBRATION)
