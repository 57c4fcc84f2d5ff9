"""The model card: what is said follows from the figures."""

from __future__ import annotations

import re

import numpy as np

from judging.wording import write_figure
from tests.unit.training.synthetic_films import (
    CALIBRATION,
    POINTS,
    draw_films,
    evaluate_drawn,
    facts,
    film,
    scored,
)
from training.judging.calibration_fit import fit_calibration
from training.judging.evaluation import describe, evaluate
from training.judging.scored_films import gather
from training.writing.model_card import explain_trap, list_limits, list_same_source, write_model_card
from training.writing.wording import write_share

FILMS = draw_films()
EVALUATION = evaluate_drawn(FILMS)


def test_the_card_says_what_it_must() -> None:
    chosen = FILMS.select_part("validation")
    fit = fit_calibration(chosen.is_tb, chosen.scores, prevalence=0.01)
    card = write_model_card(EVALUATION, facts(calibration=fit))
    assert card.startswith("# Model card: tbscreen-test 1.2.3\n")
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == [
        "The model",
        "Intended use",
        "Operating points",
        "Figures",
        "The trap of mixed collections",
        "Limits",
        "Data and credits",
        "The training run",
    ]
    for said in (
        "people of 15 years and over",
        "confirms TB bacteriologically",
        "not a medical device",
        "- A hospital (Somebody 2014)",
        "`tbscreen retrain films --seed 7`, seed 7, in 1:02:03 on two processors",
        "prevalence of 1.0%",
        "3,371,233 weights",
    ):
        assert said in card
    assert write_figure(EVALUATION.overall.auc) in card
    assert write_share(EVALUATION.operating_points[0].sensitivity) in card


def test_its_tables_are_tables() -> None:
    films = draw_films(sources=("a|b", "c", "d"))
    card = write_model_card(evaluate_drawn(films), facts())
    blocks = re.findall(r"(?:^\|.*\n)+", card, re.MULTILINE)
    assert len(blocks) == 3
    for block in blocks:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1
    assert "| a\\|b |" in card


def test_one_class_sources_are_named() -> None:
    said = " ".join(explain_trap(EVALUATION))
    assert "with TB only: only tb; without TB only: only normal" in said
    both = evaluate(scored(("a", "tb", 0.9), ("a", "normal", 0.1)), POINTS, CALIBRATION)
    assert "one class only" not in " ".join(explain_trap(both))


def test_the_best_trivial_baseline_is_named() -> None:
    films = scored(("a", "tb", 0.9), ("a", "tb", 0.8), ("b", "normal", 0.1), ("b", "normal", 0.2))
    baselines = {"grey": np.array([0.9, 0.9, 0, 0]), "noise": np.array([0.1, 0.5, 0.3, 0.4])}
    said = " ".join(explain_trap(evaluate(films, POINTS, CALIBRATION, baselines)))
    assert "baseline “grey”, which does not look at the lung, reaches 1.000" in said


def test_limits_follow_from_the_films() -> None:
    limits = " ".join(list_limits(EVALUATION))
    few = EVALUATION.sources[0].tb if EVALUATION.sources[0].auc else 0
    assert "No hospital with both classes was held out" in limits
    one_class = list_limits(evaluate(scored(("a", "tb", 0.9), ("b", "normal", 0.1)), POINTS, CALIBRATION))
    assert "No source of the test films has both classes" in one_class[0]
    assert not few or "films with TB come from places" in limits


def test_a_source_held_out_is_counted_once_and_comes_first() -> None:
    rows = [("a", label, 0.5) for label in ["tb"] * 30 + ["normal"] * 30]
    row = describe("a", scored(*rows), POINTS)
    evaluation = evaluate(
        scored(*rows, ("b", "tb", 0.1), ("b", "normal", 0.1)), POINTS, CALIBRATION, unseen=[row]
    )
    assert next(figures.seen_in_training for figures in list_same_source(evaluation)) is False
    limits = " ".join(list_limits(evaluation))
    assert "Only 31 films with TB" in limits
    assert "held out" not in limits


def test_a_subgroup_of_one_class_is_said_to_be_unknown() -> None:
    films = gather(
        [film(1, "tb", "a", sex="F"), film(2, "normal", "a", sex="F"), film(3, "tb", "a", view="PA")],
        ["test"] * 3,
        [0.9, 0.1, 0.8],
    )
    limits = " ".join(list_limits(evaluate(films, POINTS, CALIBRATION)))
    assert "by sex" not in limits
    assert "by age is unknown." in limits
    assert "by view (PA, AP) is unknown; it is known only for films of one class." in limits


def test_the_zones_that_the_default_network_counts_less_are_a_limit_of_it_alone() -> None:
    assert "lower zones alone is more easily missed" in write_model_card(EVALUATION, facts())
    other = write_model_card(EVALUATION, facts(architecture="scratch"))
    assert "lower zones" not in other
