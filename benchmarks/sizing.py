"""The sizing table of docs/administrator/handbook.md, from measured figures.

    python -m benchmarks.sizing [--write]

`--write` puts it into the handbook; a test holds that it is the one that the figures give.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Final

from benchmarks.capacity.measured import STAGES, Measured, read_measured

HANDBOOK: Final = Path(__file__).parents[1] / "docs" / "administrator" / "handbook.md"
BEGINS: Final = "<!-- python -m benchmarks.sizing --write -->\n"
ENDS: Final = "<!-- end -->\n"

FILMS_PER_DAY: Final = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)

BUSY_SHARE: Final = 1 / 8
"""Of a day's films in its busiest hour; assumed, as the simulated day has it."""

FULLEST: Final = 0.6
"""So much of a core or process is planned to be used in the busiest hour."""

SPOOL_DAYS: Final = 3.0
"""`gateway.spool_retention_hours`, 72 by default."""

LARGEST_SQLITE_BYTES: Final = 1e12
"""A site whose database grows by less in a year runs as `tbscreen serve`: one host, one file to copy."""

EMBEDDED_CORES: Final = 2
"""Of such a host; they are less than a tenth used."""

Row = tuple[str, ...]
HEAD: Final[Row] = (
    "films a day",
    "busiest hour, films/s",
    "gateways",
    "decoding",
    "workers",
    "couriers",
    "database, cores",
    "cores in all",
    "RAM, GB",
    "network, Mbit/s",
    "spool, GB",
    "database, GB a year",
)


def count_processes(measured: Measured, films_per_day: float) -> dict[str, int]:
    """Return how many processes of each stage a site needs; each keeps a core busy at most."""
    rate = films_per_s(films_per_day)
    held_s = {stage: measured.cpu_s("full", stage) for stage in STAGES}
    held_s["preparation"] += held_s["handing_over"]  # one film at a time is decoded and then handed over
    return {stage: math.ceil(rate * seconds / FULLEST) for stage, seconds in held_s.items()}


def films_per_s(films_per_day: float) -> float:
    """Return the films a second of the busiest hour."""
    return films_per_day * BUSY_SHARE / 3600


def size_site(measured: Measured, films_per_day: int) -> Row:
    """Return the row of the table for so many films a day."""
    rate = films_per_s(films_per_day)
    processes = count_processes(measured, films_per_day)
    database = math.ceil(rate * measured.cpu_s("full", "postgresql") / FULLEST)
    cores = sum(processes.values()) + database
    resident_mib = sum(count * measured[f"resident_mib.full.{stage}"] for stage, count in processes.items())
    ram_gb = (resident_mib + measured["resident_mib.full.web"]) * 2**20 / 1e9
    ram_gb += max(1.0, 2.0 * database)  # PostgreSQL's cache, by the rule of thumb of 2 GB a core
    film_bytes = measured["film_bytes.full"]
    yearly = films_per_day * 365
    embedded = measured["sqlite.full.database_bytes"] * yearly <= LARGEST_SQLITE_BYTES
    if embedded:
        cores = EMBEDDED_CORES
    year_bytes = measured[f"{'sqlite' if embedded else 'postgresql'}.full.database_bytes"] * yearly
    return (
        f"{films_per_day:,}",
        _round(rate),
        f"{processes['reception'] + processes['handing_over']:,}",
        f"{processes['preparation']:,}",
        f"{processes['worker']:,}",
        f"{processes['courier']:,}",
        "SQLite" if embedded else f"{database:,}",
        f"{cores:,}",
        f"{math.ceil(ram_gb):,}",
        f"{math.ceil(rate * film_bytes * 8 / 1e6):,}",
        f"{math.ceil(films_per_day * film_bytes * SPOOL_DAYS / 1e9):,}",
        f"{math.ceil(year_bytes / 1e9):,}",
    )


def _round(rate: float) -> str:
    return f"{rate:.3f}" if rate < 0.1 else f"{rate:.1f}"


def write_table(measured: Measured) -> str:
    """Return the table as Markdown."""
    rows = [HEAD, ("---",) * len(HEAD), *(size_site(measured, films) for films in FILMS_PER_DAY)]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def replace_table(text: str, table: str) -> str:
    """Return a handbook with this table in the place of its own."""
    before, rest = text.split(BEGINS, 1)
    return before + BEGINS + "\n" + table + "\n" + ENDS + rest.split(ENDS, 1)[1]


def main() -> None:
    """Print the table, or write it into the handbook."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table into the handbook")
    options = parser.parse_args()
    measured = read_measured()
    table = write_table(measured)
    print(table)
    if options.write:
        HANDBOOK.write_text(replace_table(HANDBOOK.read_text("utf-8"), table), "utf-8")
    print(json.dumps({str(films): count_processes(measured, films) for films in FILMS_PER_DAY}))


if __name__ == "__main__":
    main()
