"""All films of a training run, with labels and stored arrays, and the problems of the other files.

Problems are collected, so that one run shows all of them and the caller decides whether to go on.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from domain.errors import PermanentError
from training.films.film_files import FoundFilm, find_films, spell
from training.films.film_labels import (
    WORDS,
    ListedFilm,
    label_by_folders,
    label_by_name,
    read_label_file,
)
from training.films.film_store import FilledStore, FilmStore, Progress, Reader, fill_store, read_film
from training.films.labelled_film import LabelledFilm


class LabelsFrom(StrEnum):
    """Source of the labels."""

    AUTO = "auto"
    """The CSV if there is one, else folder names if any is a label, else file names."""
    CSV = "csv"
    FOLDERS = "folders"
    NAMES = "names"


class ProblemKind(StrEnum):
    """Kind of a problem with a file."""

    UNLABELLED = "unlabelled"
    UNREADABLE = "unreadable"
    DUPLICATE = "duplicate"
    """The same pixels and label as another file, which is kept."""
    CONFLICTING = "conflicting"
    """The same pixels as a file with another label, or listed with two labels: all are left out."""
    UNLISTED = "unlisted"
    """In a named folder, but not in the CSV, which may describe a part of a folder."""
    MISSING = "missing"
    """Named or listed, but absent."""


@dataclass(frozen=True)
class Problem:
    """A file that was left out of the index, with the reason."""

    kind: ProblemKind
    path: Path
    reason: str


@dataclass(frozen=True)
class FilmIndex:
    """The usable films, their arrays in the same order, and the problems."""

    films: tuple[LabelledFilm, ...]
    store: FilmStore
    problems: tuple[Problem, ...]
    labels_from: LabelsFrom
    """Source of the labels; never `AUTO`."""

    def count_problems(self) -> dict[ProblemKind, int]:
        """Return the number of problems of each kind that occurs, in the order of `ProblemKind`."""
        counts = Counter(problem.kind for problem in self.problems)
        return {kind: counts[kind] for kind in ProblemKind if counts[kind]}


def index_films(
    images: Sequence[str | Path],
    cache: Path,
    labels: Path | None = None,
    labels_from: LabelsFrom = LabelsFrom.AUTO,
    read: Reader = read_film,
    progress: Progress | None = None,
    reader_name: str = "pictures",
) -> FilmIndex:
    """Find films with their labels and store their arrays.

    Args:
        images: files, folders (all PNG, JPEG and DICOM below them) and globs.
        cache: folder of the stores.
        labels: CSV (`training.films.film_labels`); its file names are relative to one of the folders of
            `images`, to a folder above it, or to the folder of the CSV.
        labels_from: source of the labels.
        read: returns the array of a file.
        progress: called after every file that is read.
        reader_name: as in `fill_store`.

    Raises:
        PermanentError: when there are no images, when labels must come from a CSV but none is given, or when
            the CSV is invalid.
        TransientError: when arrays cannot be stored.
    """
    if labels_from is LabelsFrom.CSV and labels is None:
        raise PermanentError("the labels must come from a CSV, but none is given: add --labels FILE")
    found, absent = find_films(images)
    problems = [Problem(ProblemKind.MISSING, path, "the file does not exist") for path in absent]
    if not found:
        if absent:
            raise PermanentError(f"no such file or folder: {', '.join(map(str, absent))}")
        given = ", ".join(str(image) for image in images) or "nothing"
        raise PermanentError(f"no PNG, JPEG or DICOM file in {given}")
    chosen = _choose(labels_from, labels, found)
    if chosen is LabelsFrom.CSV:
        assert labels is not None
        listed = _match(read_label_file(labels), labels.absolute().parent, found, problems)
    else:
        listed = _label_all(found, chosen, problems)
    filled = fill_store(list(listed), cache, read, progress, reader_name)
    problems += [Problem(ProblemKind.UNREADABLE, path, why) for path, why in filled.errors.items()]
    films = _keep_one_of_each(_assemble(found, listed, filled), problems)
    problems.sort(key=lambda problem: (list(ProblemKind).index(problem.kind), problem.path))
    positions = [filled.positions[film.path] for film in films]
    return FilmIndex(tuple(films), filled.store.select(positions), tuple(problems), chosen)


def _choose(wanted: LabelsFrom, labels: Path | None, found: Mapping[Path, FoundFilm]) -> LabelsFrom:
    if wanted is not LabelsFrom.AUTO:
        return wanted
    if labels is not None:
        return LabelsFrom.CSV
    words = {name.lower() for film in found.values() for name in _list_folders(film)}
    return LabelsFrom.FOLDERS if words & WORDS.keys() else LabelsFrom.NAMES


def _list_folders(film: FoundFilm) -> tuple[str, ...]:
    """Return the names of the folders below the root if one is a label, else the name of the root."""
    below = film.folders
    return below if any(name.lower() in WORDS for name in below) else (film.root.name,)


def _label_all(
    found: Mapping[Path, FoundFilm], labels_from: LabelsFrom, problems: list[Problem]
) -> dict[Path, ListedFilm]:
    """Label the files by folder or file names."""
    listed = {}
    for path, film in found.items():
        try:
            if labels_from is LabelsFrom.FOLDERS:
                label = label_by_folders(_list_folders(film))
                reason = f"no folder above it is called {', '.join(WORDS)}"
            else:
                label = label_by_name(path.name)
                reason = "its name is not like name_0001_1.png (1 for TB, 0 for normal)"
        except ValueError as error:
            label, reason = None, str(error)
        if label is None:
            problems.append(Problem(ProblemKind.UNLABELLED, path, reason))
        else:
            listed[path] = ListedFilm(str(path), 0, label)
    return listed


def _match(
    lines: Iterable[ListedFilm], folder: Path, found: Mapping[Path, FoundFilm], problems: list[Problem]
) -> dict[Path, ListedFilm]:
    """Match lines with files; lines of files outside the given images are ignored."""
    roots = {film.root for film in found.values()}
    bases = list(
        dict.fromkeys([*sorted(roots), folder, *(up for root in sorted(roots) for up in root.parents)])
    )
    listed: dict[Path, ListedFilm] = {}
    contradicted = {}
    for line in lines:
        candidates = [Path(os.path.normpath(base / line.file)) for base in bases]
        path = next((candidate for candidate in candidates if candidate in found), None)
        if path is None:
            if not any(candidate.exists() for candidate in candidates):
                reason = f"line {line.line} lists it, but it is not in the given folders"
                problems.append(Problem(ProblemKind.MISSING, Path(line.file), reason))
            continue
        first = listed.setdefault(path, line)
        if first.label is not line.label:
            contradicted[path] = f"{first.label} in line {first.line}, {line.label} in line {line.line}"
    problems += [Problem(ProblemKind.CONFLICTING, path, reason) for path, reason in contradicted.items()]
    problems += [
        Problem(ProblemKind.UNLISTED, path, "the CSV does not list it")
        for path in found
        if path not in listed
    ]
    return {path: line for path, line in listed.items() if path not in contradicted}


def _assemble(
    found: Mapping[Path, FoundFilm], listed: Mapping[Path, ListedFilm], filled: FilledStore
) -> list[LabelledFilm]:
    return [
        LabelledFilm(
            path=path,
            label=listed[path].label,
            source=listed[path].source or _name_source(found[path]),
            digest=filled.store.digests[position],
            patient=listed[path].patient,
            view=listed[path].view,
            sex=listed[path].sex,
            age=listed[path].age,
            boxes=listed[path].boxes,
        )
        for path, position in filled.positions.items()
    ]


def _name_source(film: FoundFilm) -> str:
    """Return the first folder name that is not a label: below the root, then from the root upwards."""
    outwards = [*film.folders, film.root.name, *(up.name for up in film.root.parents)]
    return spell(next((name for name in outwards if name and name.lower() not in WORDS), "unknown"))


def _keep_one_of_each(films: Sequence[LabelledFilm], problems: list[Problem]) -> list[LabelledFilm]:
    """Keep the best-described film of each set with the same pixels, or none where their labels differ."""
    alike: dict[str, list[LabelledFilm]] = {}
    for film in films:
        alike.setdefault(film.digest, []).append(film)
    kept = []
    for group in alike.values():
        labels = {film.label for film in group}
        if len(labels) > 1:
            problems += [
                Problem(ProblemKind.CONFLICTING, film.path, _contrast(film, group)) for film in group
            ]
            continue
        best = max(group, key=_count_facts)
        kept.append(best)
        problems += [
            Problem(ProblemKind.DUPLICATE, film.path, f"the same pixels as {best.path}")
            for film in group
            if film is not best
        ]
    return sorted(kept, key=lambda film: film.path)


def _contrast(film: LabelledFilm, group: Sequence[LabelledFilm]) -> str:
    other = next(member for member in group if member.label is not film.label)
    return f"labelled {film.label}, the same pixels labelled {other.label}: {other.path}"


def _count_facts(film: LabelledFilm) -> int:
    return sum(fact is not None for fact in (film.patient, film.view, film.sex, film.age)) + len(film.boxes)
