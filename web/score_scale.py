"""A film's score drawn beside the operating points: what is above which line, at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from db.study_details import ScreeningDetails

WIDTH: Final = 300.0
"""Of the scale, in the drawing's units; score 0 is at its left end, 1 at its right."""


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold of the bundle, with what it reached on its validation films, 0..1."""

    name: str
    threshold: float
    sensitivity: float | None
    specificity: float | None


@dataclass(frozen=True)
class Scale:
    """What the drawing needs. Positions are 0..`WIDTH`.

    Attributes:
        score: of the network, 0..1.
        position: of the score.
        bands: name, left end and width of the bands from low to high.
        points: the operating points with their positions.
        label: the same in words, for who does not see it.
    """

    score: float
    position: float
    bands: list[tuple[str, float, float]]
    points: list[tuple[OperatingPoint, float]]
    label: str


def draw_scale(screening: ScreeningDetails) -> Scale:
    """Lay out the scale of one screening; an untrained bundle has no bands, for they mean nothing."""
    points = _list_points(screening) if screening.trained else []
    edges = [0.0, *(point.threshold for point in points), 1.0]
    names = {1: ["none"], 2: ["low", "high"], 3: ["low", "medium", "high"]}[len(edges) - 1]
    bands = [
        (name, low * WIDTH, (high - low) * WIDTH)
        for name, low, high in zip(names, edges, edges[1:], strict=False)
    ]
    words = [f"Score {screening.score:.3f} of 1"]
    words += [f"{point.name} from {point.threshold:.3f}" for point in points]
    return Scale(
        screening.score,
        screening.score * WIDTH,
        bands,
        [(point, point.threshold * WIDTH) for point in points],
        "; ".join(words),
    )


def find_prevalence(screening: ScreeningDetails) -> float | None:
    """Return the prevalence, 0..1, for which the probability holds; None where the bundle names none."""
    calibration = screening.manifest.get("calibration")
    value = calibration.get("prevalence") if isinstance(calibration, Mapping) else None
    return float(value) if isinstance(value, (int, float)) else None


def _list_points(screening: ScreeningDetails) -> list[OperatingPoint]:
    """Return the reported point, at the threshold of this screening, and rule-in where it lies above."""
    listed: Any = screening.manifest.get("operating_points") or []
    known = {str(one.get("name")): one for one in listed if isinstance(one, Mapping)}
    points = [_make_point(screening.operating_point, screening.threshold, known)]
    rule_in = known.get("rule_in")
    if rule_in is not None and float(rule_in["threshold"]) > screening.threshold:
        points.append(_make_point("rule_in", float(rule_in["threshold"]), known))
    return points


def _make_point(name: str, threshold: float, known: Mapping[str, Mapping[str, Any]]) -> OperatingPoint:
    about = known.get(name, {})
    return OperatingPoint(
        name.replace("_", "-"), threshold, about.get("sensitivity"), about.get("specificity")
    )
