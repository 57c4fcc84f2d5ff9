"""Finding and priority of a score. They order a worklist and decide nothing about a patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.bundle.manifest import Manifest
from domain.codes import Doubt, Finding, Priority


@dataclass(frozen=True)
class Triage:
    """Score, finding and priority of one film, all scores 0..1."""

    score: float
    probability: float
    threshold: float
    calibrated_threshold: float
    finding: Finding
    priority: Priority


def triage(score: float, manifest: Manifest, operating_point: str, doubts: Sequence[Doubt]) -> Triage:
    """Return finding and priority of one score.

    The finding is Present from the reported operating point upwards, else Absent, and Undetermined when the
    bundle is untrained or the film has a doubt. The priority is HIGH from operating point rule_in upwards,
    MEDIUM from screening upwards, else LOW. All films of an untrained bundle are MEDIUM.

    Args:
        score: the network's output, 0..1.
        manifest: manifest of the bundle that gave the score.
        operating_point: name of the operating point pinned for this film.
        doubts: doubts about the film.
    """
    reported = manifest.find_operating_point(operating_point)
    if not manifest.trained or doubts:
        finding = Finding.UNDETERMINED
    else:
        finding = Finding.PRESENT if score >= reported.threshold else Finding.ABSENT
    if not manifest.trained:
        priority = Priority.MEDIUM
    elif score >= manifest.find_operating_point("rule_in").threshold:
        priority = Priority.HIGH
    elif score >= manifest.find_operating_point("screening").threshold:
        priority = Priority.MEDIUM
    else:
        priority = Priority.LOW
    return Triage(
        score=score,
        probability=manifest.calibration.apply(score),
        threshold=reported.threshold,
        calibrated_threshold=manifest.calibration.apply(reported.threshold),
        finding=finding,
        priority=priority,
    )
