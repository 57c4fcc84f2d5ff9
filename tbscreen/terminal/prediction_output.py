"""Predictions as JSON lines, CSV or a table, written as they come."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import Any, Final, TextIO

from domain.notices import NOTICE
from domain.percentages import format_percent

COLUMNS: Final = (
    "file",
    "probability",
    "finding",
    "Probability",
    "Disease",
    "score",
    "priority",
    "doubts",
    "model",
    "trained",
    "error",
    "refusal",
    "observations",
)


def write_json(records: Iterable[dict[str, Any]], out: TextIO) -> None:
    """Write one JSON object per line."""
    for record in records:
        out.write(json.dumps(record) + "\n")
        out.flush()


def write_csv(records: Iterable[dict[str, Any]], out: TextIO) -> None:
    """Write comma-separated values with a header; lists are joined by spaces."""
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for record in records:
        joined = {name: " ".join(record.get(name, [])) for name in ("doubts", "observations")}
        writer.writerow({**record, **joined})
        out.flush()


def write_table(records: Iterable[dict[str, Any]], out: TextIO, meaning: str) -> None:
    """Write one aligned line per file, and below them what the percentages mean."""
    for record in records:
        if "error" in record:
            out.write(f"{'—':>7}  {'—':<13} {record['file']}: {record['error']}\n")
        else:
            percent = format_percent(record["probability"])
            out.write(f"{percent:>7}  {record['finding']:<13} {record['file']}\n")
        out.flush()
    out.write(f"{meaning}\n{NOTICE}\n")
