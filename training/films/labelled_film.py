"""A labelled film: what is known of one image that trains or judges a model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Label(StrEnum):
    """What a film shows, as its label says."""

    TB = "tb"
    NORMAL = "normal"
    OTHER = "other"
    """Ill, and not with tuberculosis."""

    @property
    def is_tb(self) -> bool:
        """True for tuberculosis."""
        return self is Label.TB


@dataclass(frozen=True)
class Box:
    """Where a reader marked a lesion, in pixels of the (256, 256) array: columns x0..x1, rows y0..y1."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class LabelledFilm:
    """One image with its label and what else is known of it."""

    path: Path
    label: Label
    source: str
    """The hospital or collection it comes from: a model may learn to tell these apart instead of lungs."""
    digest: str
    """First 32 hexadecimal digits of the SHA-256 of its stored array (`training.films.film_store`)."""
    patient: str | None = None
    view: str | None = None
    sex: str | None = None
    """"M" or "F"."""
    age: int | None = None
    """In years."""
    boxes: tuple[Box, ...] = ()
