"""All films of a training run: files found, labels found, arrays stored, and what is wrong with the rest.

What is wrong is collected, so that one run shows all of it and whoever asked decides whether to go on.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from domain.errors import PermanentError
from training.films.film_files import FoundFilm, find_films
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
    """Where labels are read."""

    AUTO = "auto"
    """From the CSV where there is one, else from folders if any names a label, else from file names."""
    CSV = "csv"
    FOLDERS = "folders"
    NAMES = "names"


class ProblemKind(StrEnum):
    """What is wrong with a file."""

    UNLABELLED = "unlabelled"
    UNREADABLE = "unreadable"
    DUPLICATE = "duplicate"
    """The same pixels and label as another, which is kept."""
    CONFLICTING = "conflicting"
    """The same pixels as another with another label, or listed with two labels: none is kept."""
    MISSING = "missing"
    """Named or listed, and not there."""


@dataclass(frozen=True)
class Problem:
    """One file that is no film of the index, and why."""

    kind: ProblemKind
    path: Path
    reason: str


@dataclass(frozen=True)
class FilmIndex:
    """The films that can be used, their arrays in the same order, and the problems."""

    films: tuple[LabelledFilm, ...]
    store: FilmStore
    problems: tuple[Problem, ...]
    labels_from: LabelsFrom
    """Where the labels were read: never `AUTO`."""

    def count_problems(self) -> dict[ProblemKind, int]:
        """Return how many problems there are of each kind, in the order of `ProblemKind`; none without."""
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
        labels: CSV (`training.films.film_labels`); its files are named relative to one of the folders of
            `images`, to a folder above it, or to the CSV's own folder.
        labels_from: where labels are read.
        read: file to array.
        progress: told after every file that is read.
        reader_name: as `fill_store` takes it.

    Raises:
        PermanentError: when there are no images, or labels are to come from a CSV and none is given, or
            when the CSV is wrong.
        TransientError: when arrays cannot be stored.
    """
    if labels_from is LabelsFrom.CSV and labels is None:
        raise PermanentError("labels are to be read from a CSV, and none is given (--labels FILE)")
    found, absent = find_films(images)
    problems = [Problem(ProblemKind.MISSING, path, "there is no such file") for path in absent]
    if not found:
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
    words = {name.lower() for one in found.values() for name in _folders_that_count(one)}
    return LabelsFrom.FOLDERS if words & WORDS.keys() else LabelsFrom.NAMES


def _folders_that_count(one: FoundFilm) -> tuple[str, ...]:
    """Return the folders below the root, or the root itself where none of those is a label."""
    below = one.folders
    return below if any(name.lower() in WORDS for name in below) else (one.root.name,)


def _label_all(
    found: Mapping[Path, FoundFilm], labels_from: LabelsFrom, problems: list[Problem]
) -> dict[Path, ListedFilm]:
    """Label by folders or file names."""
    listed = {}
    for path, one in found.items():
        try:
            if labels_from is LabelsFrom.FOLDERS:
                label = label_by_folders(_folders_that_count(one))
                reason = f"no folder above it is called {', '.join(WORDS)}"
            else:
                label = label_by_name(path.name)
                reason = "its name is not like name_0001_1.png (1 TB, 0 normal)"
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
    """Find the file of every line and the line of every file; lines of other files play no part."""
    roots = {one.root for one in found.values()}
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
                reason = f"line {line.line} lists it, and it is in none of the given folders"
                problems.append(Problem(ProblemKind.MISSING, Path(line.file), reason))
            continue
        first = listed.setdefault(path, line)
        if first.label is not line.label:
            contradicted[path] = f"{first.label} in line {first.line}, {line.label} in line {line.line}"
    problems += [Problem(ProblemKind.CONFLICTING, path, reason) for path, reason in contradicted.items()]
    problems += [
        Problem(ProblemKind.UNLABELLED, path, "the CSV does not list it")
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


def _name_source(one: FoundFilm) -> str:
    """Return the top folder below the root, or the root: the first of them that is no label."""
    outwards = [*one.folders, one.root.name, *(up.name for up in one.root.parents)]
    return next((name for name in outwards if name and name.lower() not in WORDS), "unknown")


def _keep_one_of_each(films: Sequence[LabelledFilm], problems: list[Problem]) -> list[LabelledFilm]:
    """Of films with the same pixels keep the one that most is known of, or none where labels differ."""
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
    other = next(one for one in group if one.label is not film.label)
    return f"labelled {film.label}, the same pixels labelled {other.label}: {other.path}"


def _count_facts(film: LabelledFilm) -> int:
    return sum(fact is not None for fact in (film.patient, film.view, film.sex, film.age)) + len(film.boxes)
