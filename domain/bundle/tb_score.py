"""The TB score: the one scale on which people see a film, 0 to 100.

The threshold of the finding is always at 50 and that of priority HIGH at 75, whatever bundle and operating
point are in use. The network's raw score is for developers; the calibrated probability is in the SR.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

TOP: Final = 100
SCREENING_AT: Final = 50
"""Place of the threshold from which the finding is Present: the film's operating point."""
RULE_IN_AT: Final = 75
"""Place of the threshold from which the priority is HIGH: operating point rule_in."""

MEANING: Final = (
    f"The TB score runs from 0 to {TOP}, with the screening threshold at {SCREENING_AT} and the rule-in "
    f"threshold at {RULE_IN_AT}; it is not the probability of TB."
)
"""The sentence on the TB score, the same wherever it is shown."""
ADVICE: Final = "Present asks for a bacteriological test; absent rules out nothing in a person with symptoms."
PEOPLE: Final = 1000
ILL: Final = 10
"""People with TB among `PEOPLE`, in the sentence on prevalence."""
UNTRAINED: Final = "The model is untrained: its scores mean nothing, and it gives no TB score."


def rate(score: float, threshold: float, manifest: Mapping[str, Any]) -> int | None:
    """Return the TB score of one film.

    Args:
        score: the network's output, 0..1.
        threshold: threshold of the film's operating point, 0..1.
        manifest: manifest of the bundle as JSON, with the site's threshold where one was pinned.

    Returns:
        0..100; None for an untrained bundle, whose scores mean nothing.
    """
    if not manifest["trained"]:
        return None
    points = {point["name"]: float(point["threshold"]) for point in manifest["operating_points"]}
    return place(score, threshold, points["rule_in"])


def place(score: float, threshold: float, rule_in: float) -> int:
    """Return a score's place on the scale: three straight lines, rounded down.

    A score from `threshold` upwards, and no other, has 50 or more; one from `rule_in` upwards 75 or more. If
    `rule_in` is not above `threshold`, the scores from `threshold` upwards begin at 75.

    Args:
        score: the network's output, 0..1.
        threshold: threshold of the finding, 0..1.
        rule_in: threshold of priority HIGH, 0..1.

    Returns:
        0..100, rising with `score`.
    """
    if score < threshold:
        return min(_round_down(SCREENING_AT * score / threshold), SCREENING_AT - 1)
    if score < rule_in:
        climbed = (RULE_IN_AT - SCREENING_AT) * (score - threshold) / (rule_in - threshold)
        return min(SCREENING_AT + _round_down(climbed), RULE_IN_AT - 1)
    start = max(threshold, rule_in)
    climbed = 0.0 if start >= 1.0 else (TOP - RULE_IN_AT) * (score - start) / (1.0 - start)
    return min(RULE_IN_AT + _round_down(climbed), TOP)


def unplace(tb_score: int, threshold: float, rule_in: float) -> float:
    """Return the raw score, 0..1, at which a place on the scale (0..100) begins: the inverse of `place`."""
    if tb_score <= SCREENING_AT:
        return threshold * tb_score / SCREENING_AT
    start = max(threshold, rule_in)
    if tb_score < RULE_IN_AT:
        return threshold + (start - threshold) * (tb_score - SCREENING_AT) / (RULE_IN_AT - SCREENING_AT)
    return start + (1.0 - start) * (tb_score - RULE_IN_AT) / (TOP - RULE_IN_AT)


def explain(manifest: Mapping[str, Any]) -> str:
    """Return what a person needs to know of the scores of a bundle, in a few sentences.

    Args:
        manifest: manifest of the bundle as JSON, with the site's threshold where one was pinned.
    """
    if not manifest["trained"]:
        return UNTRAINED
    sentences = [ADVICE, MEANING]
    points = {point["name"]: point for point in manifest["operating_points"]}
    reported = points[manifest["reported_operating_point"]]
    sensitivity, specificity = reported["sensitivity"], reported["specificity"]
    tested = _find_tested(manifest, reported)
    if tested is not None:
        found, spared = tested["sensitivity"], tested["specificity"]
        fewest, most = _call(found["low"], spared["high"]), _call(found["high"], spared["low"])
        sentences.append(
            f"Where {ILL} of {PEOPLE:,} people have TB, expect {fewest:.0f} to {most:.0f} Present, "
            f"{ILL * found['low']:.0f} to {ILL * found['high']:.0f} of them with TB: the 95 % limits of "
            "its test."
        )
    elif sensitivity is not None and specificity is not None:
        sentences.append(
            f"Where {ILL} of {PEOPLE:,} people have TB, expect {_call(sensitivity, specificity):.0f} "
            f"Present, {ILL * sensitivity:.0f} of them with TB."
        )
    return " ".join(sentences)


def _call(sensitivity: float, specificity: float) -> float:
    """Return how many of `PEOPLE`, `ILL` of them with TB, are Present."""
    return ILL * sensitivity + (PEOPLE - ILL) * (1 - specificity)


def _find_tested(manifest: Mapping[str, Any], point: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the figures of an operating point on test films, or None.

    Validation films flatter the threshold that they chose. Left-out hospitals do not, and a site's own
    threshold has other figures than the bundle's.
    """
    metrics = manifest.get("metrics") or {}
    if metrics.get("left_out"):
        return None
    for row in metrics.get("operating_points", ()):
        same = row["name"] == point["name"] and row["threshold"] == point["threshold"]
        if same and row.get("sensitivity") and row.get("specificity"):
            return dict(row)
    return None


def format_tb_score(tb_score: int | None) -> str:
    """Return a TB score as "63 of 100", or a dash for None."""
    return "—" if tb_score is None else f"{tb_score} of {TOP}"


def _round_down(value: float) -> int:
    """Return the whole number below, or the one that floating point missed by a hair."""
    return int(value + 1e-9)
