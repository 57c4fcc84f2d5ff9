"""Outcomes of the simulated days and of the check, as the tables of docs/administrator/scaling.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.capacity.load_check import Comparison

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "administrator" / "scaling.md"
ENDS: Final = "<!-- end -->\n"

NAMES: Final = {
    "load.capacity_films_per_s": "capacity, films/s",
    "load.most_in_spool": "most that waited in the spool",
    "load.drained_s": "drained after, s",
    "load.at_rest_s": "one film at rest, s",
}


def write_days(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a row for each scenario, of its whole site, as Markdown."""
    head = (
        "day",
        "films/s in the busiest hour",
        "to the result: p50, p95, p99",
        "to the report: p50, p95, p99",
        "most in the spool",
        "most reports that wait",
        "fullest in its busiest hour",
    )
    rows: list[Sequence[str]] = [head, ("---",) * len(head)]
    for name, day in figures.items():
        parts, busiest = day["parts"], day["busiest_hour"]
        fullest = max(busiest, key=lambda part: busiest[part])
        rate = day["peak_films_per_s"] * parts
        rows.append(
            (
                name,
                f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}",
                ", ".join(_show_s(value) for value in day["to_result_s_p50_p95_p99"]),
                ", ".join(_show_s(value) for value in day["to_report_s_p50_p95_p99"]),
                f"{day['most_waiting']['in the spool'] * parts:,}",
                f"{day['most_waiting']['reports'] * parts:,}",
                f"{fullest} {busiest[fullest]:.0%}",
            )
        )
    return _write(rows)


def write_check(comparisons: Sequence[Comparison]) -> str:
    """Return the simulation beside the measured load, as Markdown."""
    rows: list[Sequence[str]] = [("", "measured", "simulated", "off"), ("---",) * 4]
    rows += [
        (
            NAMES[comparison.name],
            f"{comparison.measured:,g}",
            _show(comparison.simulated),
            f"{comparison.off:+.0%}",
        )
        for comparison in comparisons
    ]
    return _write(rows)


def replace_tables(text: str, days: str, check: str) -> str:
    """Return the document with these tables in the place of its own."""
    for name, table in (("days", days), ("check", check)):
        begins = f"<!-- python -m benchmarks.capacity --write: {name} -->\n"
        before, rest = text.split(begins, 1)
        text = before + begins + "\n" + table + "\n" + ENDS + rest.split(ENDS, 1)[1]
    return text


def _show(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _show_s(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _write(rows: Sequence[Sequence[str]]) -> str:
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)
