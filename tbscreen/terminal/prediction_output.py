"""Predictions as JSON lines, CSV or a table, written as they come."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import Any, Final, TextIO

from domain.bundle.tb_score import format_tb_score
from domain.notices import NOTICE
from domain.spreadsheet_cells import guard_cell

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
    "tb_score",
)


def write_json(records: Iterable[dict[str, Any]], out: TextIO) -> None:
    """Write one JSON object per line."""
    for record in records:
        out.write(json.dumps(record) + "\n")
        out.flush()


def write_csv(records: Iterable[dict[str, Any]], out: TextIO) -> None:
    """Write comma-separated values with a header, for spreadsheets too; lists are joined by spaces."""
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for record in records:
        joined = {name: " ".join(record.get(name, [])) for name in ("doubts", "observations")}
        writer.writerow({name: guard_cell(value) for name, value in {**record, **joined}.items()})
        out.flush()


def write_table(records: Iterable[dict[str, Any]], out: TextIO, meaning: str) -> None:
    """Write one aligned line per file, and below them the meaning of the TB score if there is one."""
    scored = False
    for record in records:
        if "error" in record:
            line = f"{'—':>10}  {'—':<13} {record['file']}: {record['error']}"
        else:
            scored = True
            line = f"{format_tb_score(record['tb_score']):>10}  {record['finding']:<13} {record['file']}"
        # A file's name may hold control characters, and bytes that no terminal in UTF-8 takes.
        out.write("".join(letter if letter.isprintable() else "\ufffd" for letter in line) + "\n")
        out.flush()
    if scored:
        out.write(f"{NOTICE}\n{meaning}\n")
