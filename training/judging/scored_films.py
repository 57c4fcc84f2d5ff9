"""Films with the scores that one model gave them: what every figure of an evaluation is computed from."""

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
    """Scores, labels or a table of them that do not fit together. Permanent: it says what to mend."""


@dataclass(frozen=True, eq=False)
class ScoredFilms:
    """Parallel arrays of length n, one place per film.

    Raises:
        ScoredFilmsError: when the lengths differ, or a label, part or score is none.
    """

    digests: Words
    """As in `LabelledFilm.digest`."""
    labels: Words
    """Values of `Label`."""
    sources: Words
    parts: Words
    """"train", "validation" or "test"."""
    scores: Floats
    """Raw output of the network, 0..1; NaN where a film was not scored."""
    sex: Words
    """"M", "F", or "" where it is not known."""
    ages: Floats
    """Years; NaN where not known."""
    views: Words
    """As "PA" or "AP"; "" where not known."""

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ScoredFilmsError(f"the columns are not of one length: {lengths}")
        for name, values, known in (
            ("label", self.labels, [one.value for one in Label]),
            ("part", self.parts, PARTS),
        ):
            for strange in sorted(set(values.tolist()) - set(known)):
                raise ScoredFilmsError(f"{strange!r} is no {name}; known are {', '.join(known)}")
        if np.any((self.scores < 0) | (self.scores > 1)):
            raise ScoredFilmsError("a score lies outside 0..1")

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def is_tb(self) -> Mask:
        """True where the label is tuberculosis; shape (n,)."""
        return np.asarray(self.labels == Label.TB.value, dtype=np.bool_)

    def select(self, mask: Mask) -> ScoredFilms:
        """Return the films where `mask` (shape (n,)) is true, in order."""
        return ScoredFilms(**{field.name: getattr(self, field.name)[mask] for field in fields(self)})

    def select_part(self, part: str) -> ScoredFilms:
        """Return the films of one part: "train", "validation" or "test"."""
        return self.select(self.parts == part)

    def to_csv(self) -> str:
        """Return the bundle's `films.csv`: digest, part, source, label, score; no patient data, no path.

        A score that is not known is empty; the others read back as the same number.
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
        parts: n of "train", "validation", "test" (`training.films.split.Part` will do).
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
    """Read a `films.csv`. It says nothing of sex, age or view: these are unknown.

    Raises:
        ScoredFilmsError: when the text is not such a table; names the line.
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
        raise ScoredFilmsError(f"films.csv, line {line}: the score is no number") from error
