"""The scale of a film: its score beside the operating points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from db.worklist.study_details import OperatingPoint, ScreeningDetails

WIDTH: Final = 300.0
"""Width of the scale in the units of the drawing; score 0 is at the left end, 1 at the right."""


@dataclass(frozen=True)
class Scale:
    """The values of the drawing. Positions are 0..`WIDTH`.

    Attributes:
        score: of the network, 0..1.
        position: of the score.
        bands: name, left end and width of the bands from low to high.
        points: the operating points with their positions.
        label: the same in words, for screen readers.
    """

    score: float
    position: float
    bands: list[tuple[str, float, float]]
    points: list[tuple[OperatingPoint, float]]
    label: str


def draw_scale(screening: ScreeningDetails) -> Scale:
    """Lay out the scale of one screening. An untrained bundle has no bands, since its scores mean nothing."""
    points = _list_points(screening) if screening.trained else []
    edges = [0.0, *(point.threshold for point in points), 1.0]
    names = {1: ["none"], 2: ["low", "high"], 3: ["low", "medium", "high"]}[len(edges) - 1]
    bands = [
        (name, low * WIDTH, (high - low) * WIDTH)
        for name, low, high in zip(names, edges, edges[1:], strict=False)
    ]
    words = [f"Score {screening.score:.3f} of 1"]
    words += [f"{point.name.replace('_', '-')} from {point.threshold:.3f}" for point in points]
    return Scale(
        screening.score,
        screening.score * WIDTH,
        bands,
        [(point, point.threshold * WIDTH) for point in points],
        "; ".join(words),
    )


def _list_points(screening: ScreeningDetails) -> list[OperatingPoint]:
    """Return the reported point, at the threshold of this screening, and rule-in where it lies above."""
    known = {point.name: point for point in screening.operating_points}
    about = known.get(screening.operating_point)
    reported = OperatingPoint(
        screening.operating_point,
        screening.threshold,
        None if about is None else about.sensitivity,
        None if about is None else about.specificity,
    )
    rule_in = known.get("rule_in")
    return [reported] if rule_in is None or rule_in.threshold <= screening.threshold else [reported, rule_in]
