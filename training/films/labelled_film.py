"""Labelled films: images that train or evaluate a model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Label(StrEnum):
    """Label of a film."""

    TB = "tb"
    NORMAL = "normal"
    OTHER = "other"
    """Ill, but not with tuberculosis."""

    @property
    def is_tb(self) -> bool:
        """True for tuberculosis."""
        return self is Label.TB


@dataclass(frozen=True)
class Box:
    """A lesion that a reader marked, in pixels of the (256, 256) array: columns x0..x1, rows y0..y1."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class LabelledFilm:
    """An image with its label and other known properties."""

    path: Path
    label: Label
    source: str
    """The hospital or collection of the film; a model may learn to tell sources apart instead of lungs."""
    digest: str
    """First 32 hexadecimal digits of the SHA-256 of the stored array (`training.films.film_store`)."""
    patient: str | None = None
    view: str | None = None
    sex: str | None = None
    """"M" or "F"."""
    age: int | None = None
    """Age in years."""
    boxes: tuple[Box, ...] = ()
