"""Coverage, width and bias of the calibration study's estimates, and its recommended thresholds."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from benchmarks.calibration_study.cells import recommend_by_group
from benchmarks.calibration_study.coverage import measure
from benchmarks.calibration_study.equivalents import PAIRINGS, pair
from benchmarks.calibration_study.policies import recommend
from benchmarks.calibration_study.programmes import KINDS
from benchmarks.calibration_study.tables import draw_tables, write_document

SENSITIVITY = 0.90
BY_GROUP = ((0.05, 5000), (0.2, 5000), (0.2, 20000))
"""Prevalence and people of programmes with thresholds by age and sex."""
RECOMMENDED = ("prevalence 2 %", "prevalence 5 %", "prevalence 20 %", "5 %, results missing at random")


def main() -> None:
    """Run the simulation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programmes", type=int, default=2000, help="programmes of each kind; 0: none")
    parser.add_argument(
        "--policies", type=int, default=1000, help="programmes with a recommended threshold; 0: none"
    )
    parser.add_argument(
        "--cells", type=int, default=1000, help="programmes with thresholds by age and sex; 0: none"
    )
    parser.add_argument(
        "--equivalents", type=int, default=1000, help="simulations of an equivalent threshold; 0: none"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into the document")
    options = parser.parse_args()
    rows = []
    for kind in KINDS if options.programmes else ():
        rows.append(measure(kind, options.programmes))
        print(f"{kind.name}: {asdict(rows[-1])}", flush=True)
    recommended = []
    for kind in KINDS if options.policies else ():
        if kind.name in RECOMMENDED:
            recommended.append(recommend(kind, SENSITIVITY, options.policies))
            print(f"{kind.name}: {asdict(recommended[-1])}", flush=True)
    by_group = []
    for prevalence, people in BY_GROUP if options.cells else ():
        by_group.append(recommend_by_group(prevalence, people, options.cells))
        print(f"by group: {asdict(by_group[-1])}", flush=True)
    equivalents = []
    for pairing in PAIRINGS if options.equivalents else ():
        equivalents.append(pair(pairing, options.equivalents))
        print(f"{pairing.name}: {asdict(equivalents[-1])}", flush=True)
    tables = draw_tables(rows, recommended, by_group, equivalents)
    for name, table in tables.items():
        print(f"\n{name}\n{table}", end="")
    if options.write:
        write_document(tables)
    figures = {
        **{f"coverage.{row.kind}": row.weighted["sensitivity"].coverage for row in rows},
        **{f"kept.{result.kind}": result.kept for result in recommended},
        **{f"cells.{table.kind}": table.cells_kept for table in by_group},
        **{f"equivalent.{result.kind}": result.covered.value for result in equivalents},
    }
    print(json.dumps({name: None if value != value else round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
