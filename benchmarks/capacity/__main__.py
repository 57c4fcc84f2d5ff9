"""Runs the scenarios; see the package."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.capacity.capacity_plot import draw
from benchmarks.capacity.day_table import DOCUMENT, replace_tables, write_check, write_days
from benchmarks.capacity.load_check import compare
from benchmarks.capacity.measured import read_measured
from benchmarks.capacity.outcome import Outcome, summarise
from benchmarks.capacity.scenarios import SCENARIOS, Scenario
from benchmarks.capacity.simulation import Course
from benchmarks.capacity.site import build, list_ceilings

MOST_WAITING = ("at the senders", "in the spool", "in the broker", "reports")


def run_scenarios(
    scenarios: Sequence[Scenario], seed: int
) -> tuple[dict[str, dict[str, Any]], list[tuple[str, Course, int]]]:
    """Simulate and print each scenario; returns the figures of each, and the bad days."""
    measured = read_measured()
    figures: dict[str, dict[str, Any]] = {}
    bad_days: list[tuple[str, Course, int]] = []
    for scenario in scenarios:
        began = time.monotonic()
        course = scenario.run(measured, seed)
        outcome = summarise(course)
        ceilings = list_ceilings(*build(scenario.site, measured))
        first = min(ceilings, key=lambda name: ceilings[name])
        parts = scenario.site.parts
        figures[scenario.name] = {
            **outcome.to_json(),
            "parts": parts,
            "ceilings_films_per_s": {name: round(rate * parts, 1) for name, rate in ceilings.items()},
            "saturates_first": first,
        }
        _print(scenario, outcome, ceilings[first] * parts, first, time.monotonic() - began)
        if scenario.outages:
            bad_days.append((scenario.name, course, parts))
    return figures, bad_days


def _print(scenario: Scenario, outcome: Outcome, ceiling: float, first: str, seconds: float) -> None:
    parts = scenario.site.parts
    print(f"\n{scenario.name}: {scenario.site.describe_hosts()}")
    print(f"  {outcome.films * parts:,} films, {outcome.peak_films_per_s * parts:.1f}/s in the busiest hour")
    print("  to the result p50, p95, p99:  " + ", ".join(f"{value:.2f} s" for value in outcome.to_result_s))
    print("  to the report p50, p95, p99:  " + ", ".join(f"{value:.2f} s" for value in outcome.to_report_s))
    print("  most that wait: " + ", ".join(f"{outcome.most[name] * parts:,} {name}" for name in MOST_WAITING))
    print("  busiest hour: " + ", ".join(f"{name} {share:.0%}" for name, share in outcome.busiest.items()))
    print(f"  the first to be full: {first}, at {ceiling:.1f} films/s ({seconds:.1f} s to simulate)")


def main() -> int:
    """Run the benchmark; exit code 1 when a film of a simulated day got no report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path, default=Path("capacity.png"), help="where the plot goes")
    parser.add_argument("--write", action="store_true", help="write the tables into the document on scaling")
    options = parser.parse_args()
    measured = read_measured()
    print(f"costs measured on: {measured.machine}")
    comparisons = compare(measured, options.seed)
    for comparison in comparisons:
        print(
            f"  {comparison.name}: measured {comparison.measured:g}, simulated {comparison.simulated:.3g} "
            f"({comparison.off:+.0%})"
        )
    figures, bad_days = run_scenarios(SCENARIOS, options.seed)
    draw(bad_days, options.plot)
    if options.write:
        text = replace_tables(DOCUMENT.read_text("utf-8"), write_days(figures), write_check(comparisons))
        DOCUMENT.write_text(text, "utf-8")
    check = {
        comparison.name: [comparison.measured, float(f"{comparison.simulated:.3g}")]
        for comparison in comparisons
    }
    print(json.dumps({"measured_and_simulated": check, "scenarios": figures}))
    return 0 if all(comparison["unfinished"] == 0 for comparison in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
