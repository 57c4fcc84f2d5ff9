"""Finding and priority of a score. They order a worklist and decide nothing about a patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.bundle.manifest import Manifest
from domain.codes import Doubt, Finding, Priority
from domain.percentages import format_percent


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


def explain_percentage(manifest: Manifest) -> str:
    """Return one sentence that says what the percentages and findings of a bundle mean.

    Args:
        manifest: of the bundle, with the site's threshold where one is in use.
    """
    if not manifest.trained:
        return "The model is untrained: its scores mean nothing."
    point = manifest.find_operating_point(manifest.reported_operating_point)
    threshold = format_percent(manifest.calibration.apply(point.threshold))
    present = f"Present: {threshold} or more (threshold {point.name} of {manifest.name} {manifest.version})"
    asks = "present asks for a bacteriological test; absent rules out nothing in a person with symptoms"
    if manifest.calibration.prevalence is None:
        return f"{present}; the bundle is not calibrated, so the percentage is no probability; {asks}."
    prevalence = format_percent(manifest.calibration.prevalence)
    holds = f"the percentage is the probability of TB where {prevalence} of the people have it"
    return f"{present}; {holds}; {asks}."
