"""The results as tables for docs/models/calibration-study.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.calibration_study.coverage import FIGURES, Quality, Row
from benchmarks.calibration_study.policies import Recommendations

NAMES: Final = ("sensitivity", "specificity", "PPV", "NPV")
DOCUMENT: Final = Path("docs/models/calibration-study.md")
BLOCK: Final = re.compile(r"(<!-- simulated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def draw_tables(rows: Sequence[Row], recommended: Sequence[Recommendations]) -> dict[str, str]:
    """Return the tables by name, in Markdown."""
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
                "its coverage",
            ),
            [
                (
                    result.kind,
                    _write_share(result.given),
                    _write_share(result.kept),
                    _write_share(result.naive_kept),
                    f"{result.true_sensitivity * 100:.1f}",
                    f"{result.true_specificity * 100:.1f}",
                    "—"
                    if result.cross_fitted != result.cross_fitted
                    else f"{result.cross_fitted * 100:+.1f}",
                    _write_share(result.covered),
                )
                for result in recommended
            ],
        ),
    }


def write_document(tables: dict[str, str], document: Path = DOCUMENT) -> None:
    """Put the tables into their places of the document."""
    text = document.read_text("utf-8")
    document.write_text(BLOCK.sub(lambda found: f"{found[1]}\n{tables[found[2]]}\n{found[3]}", text), "utf-8")


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
