"""The table of thresholds by age and sex, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from figures.text_table import TextTable
from reports.calibration_study.person_cells import FEWEST_NOT_TB, FEWEST_TB, PersonTable
from reports.sections.section import Section
from reports.wording import write_count, write_estimate, write_part


@dataclass(frozen=True)
class Judged:
    """Words for people whom the truth calls TB and not: read as TB is not the same as with TB."""

    tb: str
    not_tb: str


TESTED: Final = Judged("with TB", "without")


def compose_cells(table: PersonTable, judged: Judged) -> Section:
    """Return the section of a table.

    Args:
        table: the cells.
        judged: words for people with TB and without.
    """
    together = table.accuracy
    return Section(
        "cells",
        "Thresholds by age and sex",
        [
            "Each cell has the threshold that meets the demand on its own people, where at least "
            f"{FEWEST_TB} of them were {judged.tb} and {FEWEST_NOT_TB} {judged.not_tb}; else that of its "
            "ages, of its sex, or of everybody. People whose age or sex is not known get that of everybody.",
            f"All cells together: sensitivity {write_estimate(together.sensitivity)}, specificity "
            f"{write_estimate(together.specificity)}, "
            f"{write_part(together.referred, together.people)} referred (on the people they were chosen on).",
        ],
        [
            TextTable(
                "",
                ("group", "people", "TB / not", "threshold", "chosen on", "sensitivity", "specificity"),
                [
                    (
                        cell.group.words,
                        write_count(cell.people),
                        f"{cell.tb} / {cell.not_tb}",
                        f"{cell.threshold:.4f}",
                        "its own people" if cell.is_own else cell.chosen_on,
                        write_estimate(None if cell.accuracy is None else cell.accuracy.sensitivity),
                        write_estimate(None if cell.accuracy is None else cell.accuracy.specificity),
                    )
                    for cell in table.cells
                ],
                "Cross-fitted where the threshold was chosen on the cell's own people.",
            )
        ],
    )
