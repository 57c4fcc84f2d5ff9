"""A CSV of bacteriology results: read whole, or refused with every bad line named."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from db.bacteriology.laboratory_words import NEEDED, WIDTHS, find_contradictions, read_result
from db.bacteriology.results import NewResult
from domain.errors import PermanentError
from domain.spreadsheet_cells import FORMULA_STARTS


@dataclass(frozen=True)
class ListedResult:
    """One line of a file."""

    line: int
    result: NewResult


def read_result_file(path: Path) -> list[ListedResult]:
    """Read a CSV of results, separated by commas, semicolons or tabs; further columns are ignored.

    Args:
        path: a CSV in UTF-8 with the columns specimen_date (YYYY-MM-DD), method, result, and accession_number
            or patient_id; optional: patient_id_issuer, specimen_id.

    Raises:
        PermanentError: when the file cannot be read, or lines are invalid or contradict each other; the text
            names all of them and quotes no patient's number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read_lines(path, file)
    except UnicodeDecodeError as error:
        raise PermanentError(f"{path} is not UTF-8 text: save it as 'CSV UTF-8'") from error
    except csv.Error as error:
        raise PermanentError(f"{path} is not a CSV: {error}") from error


def _read_lines(path: Path, file: Iterator[str]) -> list[ListedResult]:
    header = next(file, "")
    delimiter = max(",;\t", key=header.count)
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
    _check_columns(path, names)
    lines = csv.reader(file, delimiter=delimiter)
    listed: list[ListedResult] = []
    problems: list[tuple[int, str]] = []
    for values in lines:
        line = lines.line_num + 1
        if not any(value.strip() for value in values):
            continue
        try:
            if len(values) != len(names):
                raise ValueError(f"{len(values)} values for {len(names)} columns")
            cells = {name: _clean(value) for name, value in zip(names, values, strict=True)}
            listed.append(ListedResult(line, read_result(cells)))
        except ValueError as error:
            problems.append((line, str(error)))
    problems += find_contradictions(
        [entry.result for entry in listed], [entry.line for entry in listed], "line"
    )
    if problems:
        named = "; ".join(f"line {line}: {problem}" for line, problem in sorted(problems))
        raise PermanentError(f"{path}, nothing was imported: {named}")
    if not listed:
        raise PermanentError(f"{path} has no results: there is no line after the names of the columns")
    return listed


def _check_columns(path: Path, names: Sequence[str]) -> None:
    have = ", ".join(name for name in names if name) or "nothing"
    for needed in NEEDED:
        if needed not in names:
            raise PermanentError(f"{path}, line 1: column {needed!r} is missing; the first line has {have}")
    if not {"accession_number", "patient_id"} & set(names):
        raise PermanentError(
            f"{path}, line 1: neither column 'accession_number' nor 'patient_id'; the first line has {have}"
        )
    for name in (*NEEDED, *WIDTHS):
        if names.count(name) > 1:
            raise PermanentError(f"{path}, line 1: two columns are called {name!r}")


def _clean(value: str) -> str:
    """Return a cell without the apostrophe that `domain.spreadsheet_cells` puts before formulas."""
    text = value.strip()
    return text[1:] if text.startswith(tuple(f"'{start}" for start in FORMULA_STARTS)) else text
