"""Labels of films from a CSV, from folder names or from file names."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.array.normalization import SPEC
from domain.errors import PermanentError
from training.films.labelled_film import Box, Label

COLUMNS: Final = ("file", "label", "source", "patient", "view", "sex", "age", "boxes")
SYNONYMS: Final = {"boxes_256": "boxes"}
OLDEST: Final = 130
SHOWN_PROBLEMS: Final = 20

WORDS: Final = {
    "tb": Label.TB,
    "tuberculosis": Label.TB,
    "positive": Label.TB,
    "normal": Label.NORMAL,
    "negative": Label.NORMAL,
    "healthy": Label.NORMAL,
    "other": Label.OTHER,
    "sick": Label.OTHER,
}
"""Labels as words, in folder names and in a CSV."""

NUMBERS: Final = {"0": Label.NORMAL, "1": Label.TB}
"""Labels as digits, in file names and in a CSV."""

SEXES: Final = {"m": "M", "male": "M", "f": "F", "female": "F"}
UNKNOWN: Final = frozenset({"", "u", "o", "unknown", "other", "n/a", "na", "nan", "none", "-"})


@dataclass(frozen=True)
class ListedFilm:
    """One line of a CSV, which describes one file."""

    file: str
    line: int
    label: Label
    source: str | None = None
    patient: str | None = None
    view: str | None = None
    sex: str | None = None
    age: int | None = None
    boxes: tuple[Box, ...] = ()


def read_label_file(path: Path) -> list[ListedFilm]:
    """Read a CSV of labels, separated by commas, semicolons or tabs; further columns are ignored.

    Args:
        path: a CSV with the columns file and label, in any order; optional: source, patient, view, sex (M,
            F), age (years), boxes (`x0,y0,x1,y1;…` in pixels of the 256x256 array, each optionally after
            `type:`).

    Raises:
        PermanentError: when the file cannot be read or lines are invalid; the message names each of them.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_read_lines(path, file))
    except UnicodeDecodeError as error:
        raise PermanentError(f"{path} is not UTF-8 text: save it as 'CSV UTF-8'") from error
    except csv.Error as error:
        raise PermanentError(f"{path} is not a CSV: {error}") from error
    except OSError as error:
        raise PermanentError(f"{path}: {error.strerror}") from error


def label_by_folders(names: tuple[str, ...]) -> Label | None:
    """Return the label in the names of a film's folders, or None.

    Args:
        names: names of the folders, outermost first.

    Raises:
        ValueError: when the names contain different labels.
    """
    found = {WORDS[name.lower()] for name in names if name.lower() in WORDS}
    if len(found) > 1:
        raise ValueError(f"its folders say both {' and '.join(sorted(found))}")
    return found.pop() if found else None


def label_by_name(name: str) -> Label | None:
    """Return the label in a file name of the tutorial's form, or None: `CHNCXR_0001_0.png` is normal.

    The label is the third part between underscores: 0 for normal, 1 for tuberculosis.
    """
    parts = Path(name).stem.split("_")
    return NUMBERS.get(parts[2]) if len(parts) > 2 else None


def _read_lines(path: Path, file: Iterator[str]) -> Iterator[ListedFilm]:
    header = next(file, "")
    delimiter = max(",;\t", key=header.count)
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
    names = [SYNONYMS.get(name, name) for name in names]
    for needed in ("file", "label"):
        if needed not in names:
            have = ", ".join(name for name in names if name) or "nothing"
            raise PermanentError(f"{path}, line 1: column {needed!r} is missing; the first line has {have}")
    for repeated in sorted({name for name in names if name in COLUMNS and names.count(name) > 1}):
        raise PermanentError(f"{path}, line 1: two columns are called {repeated!r}")
    lines = csv.reader(file, delimiter=delimiter)
    problems: dict[str, list[int]] = {}
    for values in lines:
        if not any(value.strip() for value in values):
            continue
        line = lines.line_num + 1
        if len(values) > len(names):
            problems.setdefault(f"{len(values)} values for {len(names)} columns", []).append(line)
            continue
        cells = {name: value.strip() for name, value in zip(names, values, strict=False)}
        try:
            yield _read_line(cells, line)
        except ValueError as error:
            problems.setdefault(str(error), []).append(line)
    if problems:
        raise PermanentError(f"{path}, {_name_problems(problems)}")


def _name_problems(problems: Mapping[str, Sequence[int]]) -> str:
    """Return each problem with its lines, at most `SHOWN_PROBLEMS` lines in all."""
    said, left = [], SHOWN_PROBLEMS
    for problem, lines in problems.items():
        if shown := lines[:left]:
            left -= len(shown)
            said.append(f"line{'s' * (len(shown) > 1)} {', '.join(map(str, shown))}: {problem}")
    more = sum(map(len, problems.values())) - SHOWN_PROBLEMS + left
    return "; ".join(said) + (f"; and {more} more lines" if more > 0 else "")


def _read_line(cells: Mapping[str, str], line: int) -> ListedFilm:
    file = cells.get("file", "").replace("\\", "/")
    if not file:
        raise ValueError("the file name is empty")
    word = cells.get("label", "").lower()
    label = WORDS.get(word) or NUMBERS.get(word)
    if label is None:
        allowed = ", ".join([*WORDS, *NUMBERS])
        raise ValueError(f"label {cells.get('label', '')!r} is unknown; use one of {allowed}")
    sex = cells.get("sex", "").lower()
    if sex not in SEXES and sex not in UNKNOWN:
        raise ValueError(f"sex {cells['sex']!r} is neither M nor F; leave it empty where it is unknown")
    return ListedFilm(
        file=file,
        line=line,
        label=label,
        source=cells.get("source") or None,
        patient=cells.get("patient") or None,
        view=cells.get("view", "").upper() or None,
        sex=SEXES.get(sex),
        age=_read_age(cells.get("age", "")),
        boxes=tuple(_read_box(text) for text in cells.get("boxes", "").split(";") if text.strip()),
    )


def _read_age(text: str) -> int | None:
    """Read an age in years: 63, 63.0, or the DICOM form 063Y (PS3.5 6.2, AS)."""
    if text.lower() in UNKNOWN:
        return None
    found = re.fullmatch(r"(\d{1,3})(\.\d*)?[Yy]?", text)
    if not found or int(found[1]) > OLDEST:
        raise ValueError(f"age {text!r} is not a number of years; leave it empty where it is unknown")
    return int(found[1])


def _read_box(text: str) -> Box:
    numbers = text.rpartition(":")[2].split(",")
    try:
        x0, y0, x1, y1 = (round(float(number)) for number in numbers)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"box {text.strip()!r} is not x0,y0,x1,y1") from error
    if not (0 <= x0 < x1 <= SPEC.columns and 0 <= y0 < y1 <= SPEC.rows):
        raise ValueError(f"box {text.strip()!r} does not lie in the {SPEC.columns}x{SPEC.rows} array")
    return Box(x0, y0, x1, y1)
