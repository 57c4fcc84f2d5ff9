"""The results as tables for docs/models/calibration-study.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.calibration_study.cells import CellTables
from benchmarks.calibration_study.coverage import FIGURES, Quality, Row
from benchmarks.calibration_study.equivalents import Equivalents
from benchmarks.calibration_study.policies import Recommendations

NAMES: Final = ("sensitivity", "specificity", "PPV", "NPV")
DOCUMENT: Final = Path("docs/models/calibration-study.md")
BLOCK: Final = re.compile(r"(<!-- simulated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def draw_tables(
    rows: Sequence[Row],
    recommended: Sequence[Recommendations],
    tables_by_group: Sequence[CellTables],
    equivalents: Sequence[Equivalents],
) -> dict[str, str]:
    """Return the tables by name, in Markdown; those of what was not simulated are left out."""
    drawn = {**_draw_all(rows, recommended, tables_by_group), "equivalent": _draw_equivalents(equivalents)}
    simulated = {"policy": recommended, "cells": tables_by_group, "equivalent": equivalents}
    return {name: table for name, table in drawn.items() if simulated.get(name, rows)}


def _draw_all(
    rows: Sequence[Row], recommended: Sequence[Recommendations], tables_by_group: Sequence[CellTables]
) -> dict[str, str]:
    return {
        "coverage": _draw(
            ("programmes", *(f"{name}: coverage, width" for name in NAMES)),
            [(row.kind, *(_write_coverage(row.weighted[name]) for name in FIGURES)) for row in rows],
        ),
        "bias": _draw(
            (
                "programmes",
                "sensitivity: truth",
                "bias",
                "naive bias",
                "naive coverage",
                "specificity: bias",
                "naive bias",
            ),
            [
                (
                    row.kind,
                    f"{row.truth['sensitivity'] * 100:.1f}",
                    _write_bias(row.weighted["sensitivity"]),
                    _write_bias(row.naive["sensitivity"]),
                    _write_share(row.naive["sensitivity"].coverage),
                    _write_bias(row.weighted["specificity"]),
                    _write_bias(row.naive["specificity"]),
                )
                for row in rows
            ],
        ),
        "bound": _draw(
            ("programmes", "plain interval: coverage, width", "bound: coverage, width"),
            [
                (row.kind, _write_coverage(row.weighted["sensitivity"]), _write_coverage(row.bound))
                for row in rows
                if row.bound is not None
            ],
        ),
        "policy": _draw(
            (
                "programmes",
                "recommended",
                "true sensitivity ≥ 88 %",
                "naive choice",
                "mean true sensitivity",
                "mean true specificity",
                "cross-fitted less true",
                "its interval: coverage, width",
            ),
            [
                (
                    result.kind,
                    _write_share(result.given),
                    _write_share(result.kept),
                    _write_share(result.naive_kept),
                    _write_points(result.true_sensitivity),
                    _write_points(result.true_specificity),
                    "—"
                    if result.cross_fitted != result.cross_fitted
                    else f"{result.cross_fitted * 100:+.1f}",
                    "—"
                    if result.covered != result.covered
                    else f"{result.covered * 100:.1f} %, {result.width * 100:.1f}",
                )
                for result in recommended
            ],
        ),
        "cells": _draw(
            (
                "programmes",
                "thresholds chosen on the cell's own people",
                "true sensitivity of all people ≥ 88 %",
                "of cells ≥ 88 %",
                "interval of a cell: coverage, width",
                "sensitivity, lowest to highest cell: one threshold",
                "by cell",
                "specificity: one threshold",
                "by cell",
            ),
            [
                (
                    table.kind,
                    _write_share(table.own),
                    _write_share(table.kept),
                    _write_share(table.cells_kept),
                    f"{table.covered * 100:.1f} %, {table.width * 100:.1f}",
                    f"{table.spread_common * 100:.1f}",
                    f"{table.spread * 100:.1f}",
                    f"{table.specificity_common * 100:.1f}",
                    f"{table.specificity * 100:.1f}",
                )
                for table in tables_by_group
            ],
        ),
    }


def _draw_equivalents(equivalents: Sequence[Equivalents]) -> str:
    return _draw(
        (
            "two networks",
            "films of both",
            "simulations",
            "coverage (95 % interval)",
            "mean less true",
            "width",
            "between its ends, points of the share referred",
        ),
        [
            (
                result.kind,
                f"{result.pairs:,}",
                f"{result.simulations:,}",
                f"{_write_share(result.covered.value)} "
                f"({_write_points(result.covered.low)}–{_write_points(result.covered.high)})",
                f"{round(result.bias, 4) + 0.0:+.4f}",
                f"{result.width:.4f}",
                _write_points(result.spread),
            )
            for result in equivalents
        ],
    )


def write_document(tables: dict[str, str], document: Path = DOCUMENT) -> None:
    """Put the tables into their places of the document."""
    text = document.read_text("utf-8")

    def fill(found: re.Match[str]) -> str:
        return f"{found[1]}\n{tables[found[2]]}\n{found[3]}" if found[2] in tables else found[0]

    document.write_text(BLOCK.sub(fill, text), "utf-8")


def _draw(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _write_coverage(quality: Quality) -> str:
    if not quality.given:
        return "refused"
    text = f"{quality.coverage * 100:.1f} %, {quality.width * 100:.1f}"
    return text if quality.given == 1 else f"{text} (given in {quality.given * 100:.1f} %)"


def _write_bias(quality: Quality) -> str:
    return f"{quality.bias * 100:+.1f}" if quality.given else "refused"


def _write_share(share: float) -> str:
    return "—" if share != share else f"{share * 100:.1f} %"


def _write_points(share: float) -> str:
    return "—" if share != share else f"{share * 100:.1f}"
