"""Score to finding and priority, as a table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.bundle.manifest import STRUCTURE, WEIGHTS, Manifest, parse_manifest
from domain.bundle.triage import triage
from domain.codes import Doubt, Finding, Priority
from tests.unit.worker.networks import MANIFEST

PRESENT, ABSENT, UNDETERMINED = Finding.PRESENT, Finding.ABSENT, Finding.UNDETERMINED
HIGH, MEDIUM, LOW = Priority.HIGH, Priority.MEDIUM, Priority.LOW


def make_manifest(**changes: Any) -> Manifest:
    """Return a manifest with thresholds 0.25 (screening) and 0.75 (rule-in)."""
    files = {STRUCTURE: "0" * 64, WEIGHTS: "0" * 64}
    return parse_manifest(json.dumps({**MANIFEST, "files": files, **changes}).encode())


@pytest.mark.parametrize(
    ("trained", "doubts", "reported", "score", "finding", "priority"),
    [
        (True, [], "screening", 0.00, ABSENT, LOW),
        (True, [], "screening", 0.2499, ABSENT, LOW),
        (True, [], "screening", 0.25, PRESENT, MEDIUM),
        (True, [], "screening", 0.7499, PRESENT, MEDIUM),
        (True, [], "screening", 0.75, PRESENT, HIGH),
        (True, [], "screening", 1.00, PRESENT, HIGH),
        (True, [], "rule_in", 0.20, ABSENT, LOW),
        (True, [], "rule_in", 0.50, ABSENT, MEDIUM),
        (True, [], "rule_in", 0.75, PRESENT, HIGH),
        (True, [Doubt.AGE_UNKNOWN], "screening", 0.10, UNDETERMINED, LOW),
        (True, [Doubt.VIEW_UNKNOWN], "screening", 0.50, UNDETERMINED, MEDIUM),
        (True, [Doubt.AGE_UNKNOWN, Doubt.BODY_PART_UNKNOWN], "screening", 0.90, UNDETERMINED, HIGH),
        (False, [], "screening", 0.10, UNDETERMINED, MEDIUM),
        (False, [], "screening", 0.90, UNDETERMINED, MEDIUM),
        (False, [Doubt.AGE_UNKNOWN], "screening", 0.90, UNDETERMINED, MEDIUM),
    ],
)
def test_triage(
    trained: bool, doubts: list[Doubt], reported: str, score: float, finding: Finding, priority: Priority
) -> None:
    verdict = triage(score, make_manifest(trained=trained), reported, doubts)
    assert (verdict.finding, verdict.priority) == (finding, priority)
    assert verdict.score == score
    assert verdict.threshold == {"screening": 0.25, "rule_in": 0.75}[reported]


def test_score_and_threshold_are_calibrated_alike() -> None:
    calibration = {
        "method": "isotonic",
        "scores": [0.0, 0.25, 1.0],
        "probabilities": [0.0, 0.125, 0.5],
        "prevalence": 0.05,
    }
    verdict = triage(0.25, make_manifest(calibration=calibration), "screening", [])
    assert verdict.probability == verdict.calibrated_threshold == 0.125
    assert verdict.score == verdict.threshold == 0.25


def test_an_operating_point_that_the_bundle_lacks_is_an_error() -> None:
    with pytest.raises(KeyError, match="gone"):
        triage(0.5, make_manifest(), "gone", [])
