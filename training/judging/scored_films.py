"""Films with the scores of one model, from which all figures of an evaluation are computed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from domain.errors import PermanentError
from training.films.labelled_film import Label, LabelledFilm

COLUMNS: Final = ("digest", "part", "source", "label", "score")
PARTS: Final = ("train", "validation", "test")

Words = NDArray[np.str_]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class ScoredFilmsError(PermanentError):
    """Scores, labels or a `films.csv` that are inconsistent. Permanent; the message says what to correct."""


@dataclass(frozen=True, eq=False)
class ScoredFilms:
    """Parallel arrays of length n, with one entry per film.

    Raises:
        ScoredFilmsError: when the lengths differ, or a label, part or score is invalid.
    """

    digests: Words
    """Digests as in `LabelledFilm.digest`."""
    labels: Words
    """Values of `Label`."""
    sources: Words
    parts: Words
    """"train", "validation" or "test"."""
    scores: Floats
    """Raw output of the network, 0..1; NaN where a film was not scored."""
    sex: Words
    """"M", "F", or "" where unknown."""
    ages: Floats
    """Ages in years; NaN where unknown."""
    views: Words
    """View positions such as "PA" or "AP"; "" where unknown."""

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ScoredFilmsError(f"the columns differ in length: {lengths}")
        for name, values, known in (
            ("label", self.labels, [label.value for label in Label]),
            ("part", self.parts, PARTS),
        ):
            for unknown in sorted(set(values.tolist()) - set(known)):
                raise ScoredFilmsError(f"{unknown!r} is not a {name}; use one of {', '.join(known)}")
        if np.any((self.scores < 0) | (self.scores > 1)):
            raise ScoredFilmsError("a score lies outside 0..1")

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def is_tb(self) -> Mask:
        """True where the label is tuberculosis; shape (n,)."""
        return np.asarray(self.labels == Label.TB.value, dtype=np.bool_)

    def select(self, chosen: Mask | NDArray[np.intp]) -> ScoredFilms:
        """Return the films where a mask of shape (n,) is true, in order, or those at positions."""
        return ScoredFilms(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    def select_part(self, part: str) -> ScoredFilms:
        """Return the films of one part: "train", "validation" or "test"."""
        return self.select(self.parts == part)

    def to_csv(self) -> str:
        """Return the text of a bundle's `films.csv`: digest, part, source, label, score; no patient data.

        A missing score is empty; all others read back as the same number.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        columns = (self.digests, self.parts, self.sources, self.labels, self.scores)
        for digest, part, source, label, score in zip(*(column.tolist() for column in columns), strict=True):
            writer.writerow((digest, part, source, label, "" if np.isnan(score) else repr(score)))
        return text.getvalue()


def gather(films: Sequence[LabelledFilm], parts: Sequence[str], scores: ArrayLike) -> ScoredFilms:
    """Join films, their parts and their scores.

    Args:
        films: n films.
        parts: n values "train", "validation" or "test", also as `training.films.split.Part`.
        scores: shape (n,), 0..1, NaN where a film was not scored.
    """
    return ScoredFilms(
        digests=np.array([film.digest for film in films], dtype=np.str_),
        labels=np.array([film.label.value for film in films], dtype=np.str_),
        sources=np.array([film.source for film in films], dtype=np.str_),
        parts=np.array([str(part) for part in parts], dtype=np.str_),
        scores=np.asarray(scores, dtype=np.float64),
        sex=np.array([film.sex or "" for film in films], dtype=np.str_),
        ages=np.array([np.nan if film.age is None else film.age for film in films], dtype=np.float64),
        views=np.array([film.view or "" for film in films], dtype=np.str_),
    )


def from_csv(text: str) -> ScoredFilms:
    """Read a `films.csv`. It has no sex, age or view, so these are unknown.

    Raises:
        ScoredFilmsError: when the text is not such a table; the message names the line.
    """
    reader = csv.reader(io.StringIO(text))
    if tuple(next(reader, ())) != COLUMNS:
        raise ScoredFilmsError(f"films.csv does not begin with the columns {','.join(COLUMNS)}")
    rows = [_read_row(row, reader.line_num) for row in reader]
    count = len(rows)
    digests, parts, sources, labels, scores = zip(*rows, strict=True) if rows else ((),) * 5
    return ScoredFilms(
        digests=np.array(digests, dtype=np.str_),
        labels=np.array(labels, dtype=np.str_),
        sources=np.array(sources, dtype=np.str_),
        parts=np.array(parts, dtype=np.str_),
        scores=np.array(scores, dtype=np.float64),
        sex=np.full(count, "", dtype=np.str_),
        ages=np.full(count, np.nan),
        views=np.full(count, "", dtype=np.str_),
    )


def _read_row(row: list[str], line: int) -> tuple[str, str, str, str, float]:
    if len(row) != len(COLUMNS):
        raise ScoredFilmsError(f"films.csv, line {line}: {len(row)} columns instead of {len(COLUMNS)}")
    digest, part, source, label, score = row
    if not re.fullmatch(r"[0-9a-f]{32}", digest):
        raise ScoredFilmsError(f"films.csv, line {line}: the digest is not 32 hexadecimal digits")
    try:
        return digest, part, source, label, float(score) if score else np.nan
    except ValueError as error:
        raise ScoredFilmsError(f"films.csv, line {line}: the score is not a number") from error
