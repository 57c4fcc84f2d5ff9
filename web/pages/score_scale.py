"""The drawing of a TB score: a bar from 0 to 100 with both thresholds, and the operating points behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from db.worklist.study_details import OperatingPoint, ScreeningDetails
from domain.bundle.tb_score import RULE_IN_AT, SCREENING_AT, TOP
from domain.languages.sentence import say

WIDTH: Final = 300.0
"""Width of the bar in the units of the drawing; TB score 0 is at the left end, 100 at the right."""


@dataclass(frozen=True)
class Scale:
    """The values of the drawing. Positions are 0..`WIDTH`.

    Attributes:
        tb_score: 0..100.
        position: of the TB score.
        bands: name, left end and width of the bands from low to high.
        thresholds: name, value on the scale and position of both thresholds.
        label: the same in words, for screen readers.
    """

    tb_score: int
    position: float
    bands: tuple[tuple[str, float, float], ...]
    thresholds: tuple[tuple[str, int, float], ...]
    label: str


def draw_scale(tb_score: int) -> Scale:
    """Lay out the bar of one TB score, 0..100."""
    edges = (0, SCREENING_AT, RULE_IN_AT, TOP)
    names = ("low", "medium", "high")
    return Scale(
        tb_score,
        _place(tb_score),
        tuple(
            (name, _place(low), _place(high - low))
            for name, low, high in zip(names, edges, edges[1:], strict=False)
        ),
        (
            (say("screening"), SCREENING_AT, _place(SCREENING_AT)),
            (say("rule-in"), RULE_IN_AT, _place(RULE_IN_AT)),
        ),
        say(
            "TB score {tb_score} of {top}; screening threshold {screening}; rule-in threshold {rule_in}",
            tb_score=tb_score,
            top=TOP,
            screening=SCREENING_AT,
            rule_in=RULE_IN_AT,
        ),
    )


def list_points(screening: ScreeningDetails) -> list[OperatingPoint]:
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


def _place(value: int) -> float:
    return value / TOP * WIDTH
