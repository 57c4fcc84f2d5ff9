"""The scale for people: thresholds stay in their places whatever bundle and operating point are in use."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise

import pytest

from domain.bundle.manifest import MANIFEST
from domain.bundle.tb_score import ADVICE, MEANING, explain, format_tb_score, place, rate, unplace
from domain.bundle.triage import triage
from domain.codes import Finding, Priority
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tests.checkout import ROOT
from tests.unit.domain.bundle.test_triage import make_manifest

THRESHOLDS = [(0.25, 0.75), (0.419, 0.4566), (0.001, 0.002), (0.9, 0.999), (0.3, 1.0), (0.0, 0.5), (0.1, 0.3)]


@pytest.mark.parametrize(("threshold", "rule_in"), THRESHOLDS)
def test_the_thresholds_are_at_50_and_75(threshold: float, rule_in: float) -> None:
    assert place(threshold, threshold, rule_in) == 50
    assert place(rule_in, threshold, rule_in) == 75
    assert place(math.nextafter(rule_in, 0.0), threshold, rule_in) == 74
    if threshold > 0.0:
        assert place(math.nextafter(threshold, 0.0), threshold, rule_in) == 49
        assert place(0.0, threshold, rule_in) == 0


@pytest.mark.parametrize(
    ("threshold", "rule_in"), [*THRESHOLDS, (0.5, 0.5), (0.6, 0.4), (0.0, 0.0), (1.0, 1.0)]
)
def test_the_scale_rises_with_the_score_and_stays_on_the_bar(threshold: float, rule_in: float) -> None:
    placed = [place(step / 1000, threshold, rule_in) for step in range(1001)]
    assert all(type(at) is int and 0 <= at <= 100 for at in placed)
    assert all(before <= after for before, after in pairwise(placed))
    assert all((at >= 50) == (step / 1000 >= threshold) for step, at in enumerate(placed))


@pytest.mark.parametrize("score", [step / 200 for step in range(201)])
def test_the_score_agrees_with_finding_and_priority(score: float) -> None:
    manifest = make_manifest()
    verdict = triage(score, manifest, "screening", [])
    at = rate(score, verdict.threshold, manifest.model_dump(mode="json"))
    assert at is not None
    assert (at >= 50) == (verdict.finding is Finding.PRESENT)
    assert (at >= 75) == (verdict.priority is Priority.HIGH)


def test_the_lines_between_the_thresholds_are_straight() -> None:
    placed = [place(score, 0.4, 0.6) for score in (0.1, 0.2, 0.3, 0.45, 0.5, 0.7, 0.8, 0.9, 1.0)]
    assert placed == [12, 25, 37, 56, 62, 81, 87, 93, 100]


def test_an_operating_point_that_reaches_rule_in_begins_at_75() -> None:
    assert [place(score, 0.6, 0.6) for score in (0.59, 0.6)] == [49, 75]
    assert [place(score, 0.6, 0.4) for score in (0.5, 0.59, 0.6)] == [41, 49, 75]


def test_an_untrained_bundle_has_no_score() -> None:
    manifest = make_manifest(trained=False).model_dump(mode="json")
    assert rate(0.9, 0.25, manifest) is None
    assert format_tb_score(None) == "—"


def test_the_sentence_names_the_places() -> None:
    assert format_tb_score(63) == "63 of 100"
    assert "from 0 to 100" in MEANING
    assert "screening threshold at 50 and the rule-in threshold at 75" in MEANING
    assert "not the probability" in MEANING


def test_people_are_told_what_present_asks_the_scale_and_what_to_expect() -> None:
    points = [
        {"name": "screening", "threshold": 0.25, "sensitivity": 0.9, "specificity": 0.7},
        {"name": "rule_in", "threshold": 0.75},
    ]
    expected = "Where 10 of 1,000 people have TB, expect 306 Present, 9 of them with TB."
    assert (
        explain(make_manifest(operating_points=points).model_dump(mode="json"))
        == f"{ADVICE} {MEANING} {expected}"
    )


def test_validation_films_that_chose_the_threshold_promise_nothing() -> None:
    """They may hold no false alarm. A site's own threshold has figures of its own."""
    chosen = {"name": "screening", "threshold": 0.25, "sensitivity": 0.905, "specificity": 1.0}
    tested = {
        **chosen,
        "sensitivity": {"value": 0.96, "low": 0.81, "high": 0.99},
        "specificity": {"value": 0.94, "low": 0.81, "high": 0.98},
    }
    points = [chosen, {"name": "rule_in", "threshold": 0.75}]
    manifest = make_manifest(operating_points=points).model_dump(mode="json")
    expected = "expect 28 to 198 Present, 8 to 10 of them with TB: the 95 % limits of its test."
    assert explain({**manifest, "metrics": {"operating_points": [tested]}}).endswith(expected)
    elsewhere = {**tested, "threshold": 0.3}
    for metrics in (
        {"operating_points": [elsewhere]},
        {"operating_points": [tested], "left_out": {"groups": []}},
    ):
        assert "expect 9 Present, 9 of them with TB." in explain({**manifest, "metrics": metrics})


def test_without_a_measurement_nothing_is_expected() -> None:
    points = [{"name": "screening", "threshold": 0.25}, {"name": "rule_in", "threshold": 0.75}]
    assert explain(make_manifest(operating_points=points).model_dump(mode="json")) == f"{ADVICE} {MEANING}"
    untrained = explain(make_manifest(trained=False).model_dump(mode="json"))
    assert "TB score" in untrained
    assert MEANING not in untrained


def test_the_readme_expects_what_the_commands_print() -> None:
    manifest = json.loads((DEFAULT_BUNDLE / MANIFEST).read_bytes())
    called, with_tb = re.findall(r"expect (\d+) Present, (\d+) of them", explain(manifest))[0]
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert (
        f"of 1,000 people, 10 with TB, the others healthy, {called} are Present, {with_tb} with TB" in readme
    )


@pytest.mark.parametrize(("threshold", "rule_in"), [*THRESHOLDS, (0.5, 0.5), (0.6, 0.4)])
def test_places_begin_where_the_inverse_says(threshold: float, rule_in: float) -> None:
    starts = [unplace(at, threshold, rule_in) for at in range(101)]
    assert starts == sorted(starts)
    assert (starts[0], starts[50], starts[75]) == (0.0, threshold, max(threshold, rule_in))
    assert starts[100] == pytest.approx(1.0)
    for at, (start, end) in enumerate(pairwise(starts)):
        middle = (start + end) / 2
        if start < middle < end:
            assert place(middle, threshold, rule_in) == at
