"""Computed tables of docs/administrator/scaling.md: what films need, and where each part is full.

    python -m benchmarks.scaling_tables [--write]

`--write` puts them into the document; a test holds that they are those that the measured figures give.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.capacity.measured import STAGES, Measured, read_measured
from benchmarks.capacity.scenarios import LARGE, LARGE_TIGHT, MEDIUM, SMALL, TIGHT
from benchmarks.capacity.site import build, list_ceilings
from benchmarks.sizing import films_per_s

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "administrator" / "scaling.md"
VOLUMES: Final = (1_000, 100_000, 10_000_000)
SITES: Final = (SMALL, TIGHT, MEDIUM, LARGE_TIGHT, LARGE)
ENDS: Final = "<!-- end -->\n"


def write_needs(measured: Measured) -> str:
    """Return what films need, by volume, as Markdown."""
    film = measured["film_bytes.full"]
    spent = {
        name: measured[f"postgresql.full.{name}"] for name in ("database_bytes", "wal_bytes", "transactions")
    }
    rendition = measured["postgresql.full.table_bytes.renditions"]
    cpu_s = sum(measured.cpu_s("full", stage) for stage in (*STAGES, "postgresql", "redis"))
    syncs = measured["syncs_per_s.new_files"]
    rows: list[Sequence[str]] = [
        ("", *(f"{films:,} a day" for films in VOLUMES)),
        ("---",) * (1 + len(VOLUMES)),
        ("films/s: mean", *(_show(films / 86400) for films in VOLUMES)),
        ("films/s: busiest hour", *(_show(films_per_s(films)) for films in VOLUMES)),
        ("network in, Gbit/s: mean", *(_show(films / 86400 * film * 8e-9) for films in VOLUMES)),
        ("network in, Gbit/s: busiest hour", *(_show(films_per_s(films) * film * 8e-9) for films in VOLUMES)),
        ("spool, MB/s written: busiest hour", *(_show(films_per_s(films) * film / 1e6) for films in VOLUMES)),
        (
            f"disks that sync {syncs:.0f} films/s, as ours: busiest hour",
            *(_show(films_per_s(films) / syncs) for films in VOLUMES),
        ),
        ("spool, TB in three days", *(_show(3 * films * film / 1e12) for films in VOLUMES)),
        (
            "transactions/s: busiest hour",
            *(_show(films_per_s(films) * spent["transactions"]) for films in VOLUMES),
        ),
        (
            "database's log, MB/s: busiest hour",
            *(_show(films_per_s(films) * spent["wal_bytes"] / 1e6) for films in VOLUMES),
        ),
        ("database, GB a day", *(_show(films * spent["database_bytes"] / 1e9) for films in VOLUMES)),
        ("database, TB a year", *(_show(365 * films * spent["database_bytes"] / 1e12) for films in VOLUMES)),
        (
            "of it without renditions, TB",
            *(_show(365 * films * _rest(spent, rendition)) for films in VOLUMES),
        ),
        ("rows of `instances` in a year, millions", *(_show(365 * films / 1e6) for films in VOLUMES)),
        (
            "through Redis, in and out, MB/s: busiest hour",
            *(_show(2 * films_per_s(films) * measured["message_bytes"] / 1e6) for films in VOLUMES),
        ),
        ("cores that compute: busiest hour", *(_show(films_per_s(films) * cpu_s) for films in VOLUMES)),
    ]
    return _write(rows)


def _rest(spent: dict[str, float], rendition: float) -> float:
    return (spent["database_bytes"] - rendition) / 1e12


def write_ceilings(measured: Measured) -> str:
    """Return at how many films a second each part of a site is full, as Markdown."""
    names = ("reception", "preparation", "gateway", "worker", "courier", "database", "cores")
    rows: list[Sequence[str]] = [("site", *names, "full first"), ("---",) * (len(names) + 2)]
    for site in SITES:
        ceilings = list_ceilings(*build(site, measured))
        first = min(ceilings, key=lambda name: ceilings[name])
        rates = [_show(ceilings[name] * site.parts) if name in ceilings else "–" for name in names]
        rows.append((site.describe_hosts(), *rates, first))
    return _write(rows)


def _write(rows: Sequence[Sequence[str]]) -> str:
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def _show(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def replace_tables(text: str, measured: Measured) -> str:
    """Return the document with these tables in the place of its own."""
    for name, table in (("needs", write_needs(measured)), ("ceilings", write_ceilings(measured))):
        begins = f"<!-- python -m benchmarks.scaling_tables --write: {name} -->\n"
        before, rest = text.split(begins, 1)
        text = before + begins + "\n" + table + "\n" + ENDS + rest.split(ENDS, 1)[1]
    return text


def main() -> None:
    """Print the tables, or write them into the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the tables into the document on scaling")
    options = parser.parse_args()
    measured = read_measured()
    print(write_needs(measured))
    print(write_ceilings(measured))
    if options.write:
        DOCUMENT.write_text(replace_tables(DOCUMENT.read_text("utf-8"), measured), "utf-8")
    print(json.dumps({site.describe_hosts(): list_ceilings(*build(site, measured)) for site in SITES}))


if __name__ == "__main__":
    main()
