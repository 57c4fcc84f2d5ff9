"""A CSV of bacteriology results: read whole, or refused with every bad line named."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from db.bacteriology.results import NewResult
from domain.bacteriology import OUTCOMES, Method, Outcome
from domain.errors import PermanentError
from domain.spreadsheet_cells import FORMULA_STARTS

NEEDED: Final = ("specimen_date", "method", "result")
WIDTHS: Final = {
    "patient_id": 256,
    "patient_id_issuer": 64,
    "accession_number": 64,
    "specimen_id": 64,
}
"""Further columns, of which accession_number or patient_id is there, and their most characters."""

METHODS: Final = {
    "xpert": Method.XPERT,
    "xpert mtb/rif": Method.XPERT,
    "genexpert": Method.XPERT,
    "ultra": Method.ULTRA,
    "xpert ultra": Method.ULTRA,
    "xpert mtb/rif ultra": Method.ULTRA,
    "culture": Method.CULTURE,
    "smear": Method.SMEAR,
    "microscopy": Method.SMEAR,
}
WORDS: Final = {
    **{outcome.value: outcome for outcome in Outcome},
    "mtb detected": Outcome.POSITIVE,
    "detected": Outcome.POSITIVE,
    "mtb not detected": Outcome.NEGATIVE,
    "not detected": Outcome.NEGATIVE,
    "mtb trace detected": Outcome.TRACE,
    "trace detected": Outcome.TRACE,
    "invalid": Outcome.INDETERMINATE,
    "error": Outcome.INDETERMINATE,
    "no result": Outcome.INDETERMINATE,
}

EARLIEST: Final = date(1990, 1, 1)
ROUNDED: Final = re.compile(r"\d(\.\d+)?E\+?\d+", re.IGNORECASE)
"""A number as a spreadsheet rounds it: the last digits are lost."""


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
            listed.append(ListedResult(line, _read_result(cells)))
        except ValueError as error:
            problems.append((line, str(error)))
    problems += _find_contradictions(listed)
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


def _read_result(cells: Mapping[str, str]) -> NewResult:
    texts = {name: _read_text(name, cells.get(name, "")) for name in WIDTHS}
    if not texts["accession_number"] and not texts["patient_id"]:
        raise ValueError("neither accession_number nor patient_id")
    method = METHODS.get(_fold(cells["method"]))
    if method is None:
        raise ValueError(f"method {_quote(cells['method'])} is unknown; use one of {', '.join(METHODS)}")
    outcome = WORDS.get(_fold(cells["result"]))
    if outcome not in OUTCOMES[method]:
        allowed = ", ".join(word for word in Outcome if word in OUTCOMES[method])
        raise ValueError(f"result {_quote(cells['result'])} is none of {method}; use one of {allowed}")
    day = _read_day(cells["specimen_date"])
    return NewResult(method, outcome, f"{day:%Y%m%d}", **texts)


def _read_text(name: str, text: str) -> str | None:
    if len(text) > WIDTHS[name]:
        raise ValueError(f"{name} has {len(text)} characters, {WIDTHS[name]} are allowed")
    if not text.isprintable():
        raise ValueError(f"{name} has control characters")
    if ROUNDED.fullmatch(text):
        raise ValueError(f"{name} was rounded by a spreadsheet: format its column as text and enter it again")
    return text or None


def _read_day(text: str) -> date:
    try:
        if not text.replace("-", "").isdigit():
            raise ValueError
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"specimen_date {_quote(text)} is no day: YYYY-MM-DD") from None
    if not EARLIEST <= day <= datetime.now(UTC).date() + timedelta(days=1):
        raise ValueError(f"specimen_date {day} is before {EARLIEST} or in the future")
    return day


def _find_contradictions(listed: Sequence[ListedResult]) -> list[tuple[int, str]]:
    """Return lines that give another result for the test of an earlier line."""
    first: dict[str, ListedResult] = {}
    found = []
    for entry in listed:
        earlier = first.setdefault(entry.result.name_subject(), entry)
        if earlier.result != entry.result:
            problem = (
                f"it differs from line {earlier.line} of the same patient, method and specimen: leave one "
                "line, or give each specimen its specimen_id"
            )
            found.append((entry.line, problem))
    return found


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _quote(text: str) -> str:
    """Return the beginning of a cell for a message."""
    return repr(text[:40])
