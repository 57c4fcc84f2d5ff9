"""Thresholds as operating points of a record, and the records of cells by age and sex."""

from __future__ import annotations

from typing import Any

from db.models.site_thresholds import NAME
from db.models.threshold_groups import GROUP
from domain.bundle.manifest import OperatingPoint
from judging.calibration_study.accuracy import Accuracy
from reports.calibration_study.cell_section import Judged
from reports.calibration_study.person_cells import PersonCell, PersonTable


def list_groups(table: PersonTable) -> list[dict[str, Any]]:
    """Return the cells as `GROUPS` of the record of their table has them."""
    return [
        {"sex": cell.sex, "first": cell.first, "last": cell.last, "name": f"{NAME}_{cell.group.key}"}
        for cell in table.cells
    ]


def make_cell_records(
    table: PersonTable, common: float, rule_in: float, judged: Judged
) -> dict[str, dict[str, Any]]:
    """Return the records of the cells of a table, each with the end of its name.

    Args:
        table: the cells.
        common: threshold for everybody.
        rule_in: threshold from which a film is HIGH, where the cell's own is not higher.
        judged: words for people with TB and without.
    """
    together = _read_figures(table.accuracy)
    return {
        f"_{cell.group.key}": {
            **make_points(cell.threshold, cell.accuracy, rule_in, f"{NAME}_{cell.group.key}"),
            GROUP: {
                "table": NAME,
                "of_table": together,
                "people": cell.group.words,
                "reason": _explain(cell, common, judged),
            },
        }
        for cell in table.cells
    }


def _explain(cell: PersonCell, common: float, judged: Judged) -> str:
    """Return threshold and reason in ASCII, as an SR takes it."""
    counts = f"{cell.people} people, {cell.tb} {judged.tb}, {cell.not_tb} {judged.not_tb}"
    if cell.is_own:
        return f"threshold for {cell.group.words} ({counts}); that of everybody is {common:.4f}"
    return f"threshold of {cell.chosen_on}, for too few {cell.group.words} ({counts})"


def make_points(threshold: float, figures: Accuracy | None, rule_in: float, name: str) -> dict[str, Any]:
    """Return operating points as in a manifest; HIGH begins at the rule-in threshold or the threshold."""
    screening = OperatingPoint(name="screening", threshold=threshold, **_read_figures(figures))
    points = [screening, OperatingPoint(name="rule_in", threshold=max(rule_in, threshold))]
    own = {**screening.model_dump(mode="json"), "name": name}
    return {
        "operating_points": [*(point.model_dump(mode="json") for point in points), own],
        "calibration": None,
    }


def _read_figures(accuracy: Accuracy | None) -> dict[str, float | None]:
    parts = {"sensitivity": None, "specificity": None}
    if accuracy is None:
        return dict(parts)
    return {name: None if (part := getattr(accuracy, name)) is None else part.value for name in parts}
