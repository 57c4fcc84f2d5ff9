"""Batches for the default network: balanced draws, augmented, with targets for cells.

Every batch depends on the seed, its epoch and its number alone, so that a resumed run sees the same films as
an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from networks.keras_library import load_keras
from training.films.film_store import FilmStore
from training.films.labelled_film import Box, Label, LabelledFilm
from training.learning.augmentation import SIDE, Picture, augment
from training.learning.lite0 import CELL_PIXELS, CELLS, FIELD, MARGIN
from training.learning.style import change_style
from training.learning.transplants import TransplantedFilm, equalize, transplant, transplant_illness

keras = load_keras()

SAME_SOURCE: Final = 4.0
"""Weight of films from sources with both classes: only there the label does not follow from the source."""

ONE_CLASS_WITHOUT_BOXES: Final = 0.5
"""Weight of films from sources with one class and no boxes, which mostly teach the source."""

ILL: Final = 0.5
"""Share of the ill among the films without TB that are drawn, where there are both: TB must be told from
other illness, not only from health."""
ILL_GAIN: Final = 3.0
"""The most by which the chance of an ill film rises for that."""

TRANSPLANTS: Final = 0.5
"""Share of films that are composed of two (`training.learning.transplants`)."""
ILL_TRANSPLANTS: Final = 0.3
"""Of the composed films, share with a part of an ill film instead of a lesion."""

UNKNOWN: Final = -1.0
LESION_ABOVE: Final = 0.35
LESION_BELOW: Final = 0.1


class FilmSampler(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
    """The batches of one epoch.

    Each item is (films, targets): float32 (batch, 256, 256, 1) in 0..1, and `tuberculosis` (batch, 1) with 1
    for TB and `cells` (batch, 14, 14, 1) with 1 for lesion, 0 for no lesion and -1 for unknown.

    Args:
        films: all films.
        store: arrays of the films, in the same order.
        train: positions of the films to draw from, with both classes.
        batch: films per batch.
        batches: batches per epoch.
        seed: seed of the run.
        epoch: number of the epoch, from 0.
    """

    def __init__(
        self,
        films: Sequence[LabelledFilm],
        store: FilmStore,
        train: Sequence[int],
        *,
        batch: int,
        batches: int,
        seed: int,
        epoch: int,
    ) -> None:
        super().__init__(workers=2, max_queue_size=8)
        self._films, self._store = films, store
        self._batch, self._batches, self._seed, self._epoch = batch, batches, seed, epoch
        self._train = np.asarray(train)
        self._chances = weigh_films([films[position] for position in train])
        labels = np.array([films[position].label for position in train], dtype=object)
        self._normal = self._choose(labels == Label.NORMAL)
        self._ill = self._choose(labels == Label.OTHER)
        is_tb = labels == Label.TB
        self._classes = {True: self._choose(is_tb), False: self._choose(~is_tb)}
        self._boxed = [position for position in train if films[position].boxes]

    def __len__(self) -> int:
        return self._batches

    def __getitem__(self, number: int) -> tuple[npt.NDArray[np.float32], dict[str, npt.NDArray[np.float32]]]:
        random = np.random.default_rng([self._seed, self._epoch, number])
        films = np.empty((self._batch, SIDE, SIDE, 1), np.float32)
        is_tb = np.empty((self._batch, 1), np.float32)
        cells = np.empty((self._batch, CELLS, CELLS, 1), np.float32)
        for position in range(self._batch):
            films[position, ..., 0], is_tb[position], cells[position, ..., 0] = self._draw(random)
        return films, {"tuberculosis": is_tb, "cells": cells}

    def _choose(self, chosen: npt.NDArray[np.bool_]) -> Chances:
        chances = self._chances[chosen]
        return Chances(self._train[chosen], chances / max(chances.sum(), 1e-12))

    def _read(self, position: int) -> Picture:
        film: Picture = self._store.read([position])[0]
        return film

    def _draw(self, random: np.random.Generator) -> tuple[Picture, float, Picture]:
        boxes: Sequence[Box]
        if self._boxed and len(self._normal.films) and random.random() < TRANSPLANTS:
            made = self._compose(random)
            picture, boxes, is_tb = made.picture, made.boxes, made.is_tb
        else:
            chosen = int(random.choice(self._train, p=self._chances))
            film = self._films[chosen]
            picture, boxes, is_tb = self._read(chosen), film.boxes, film.label.is_tb
        other = self._read(self._classes[bool(random.random() < 0.5)].draw(random))
        styled = change_style(equalize(picture), equalize(other), random)
        changed = augment(styled, boxes, random)
        known = bool(boxes) or not is_tb
        cells = mark_cells(changed.lesions) if known else np.full((CELLS, CELLS), UNKNOWN, np.float32)
        return changed.picture, float(is_tb), cells

    def _compose(self, random: np.random.Generator) -> TransplantedFilm:
        sick = int(random.choice(self._boxed))
        healthy = self._read(self._normal.draw(random))
        boxes = self._films[sick].boxes
        if random.random() < ILL_TRANSPLANTS and len(self._ill.films):
            return transplant_illness(self._read(self._ill.draw(random)), boxes, healthy)
        return transplant(self._read(sick), boxes, healthy, random)


@dataclass(frozen=True)
class Chances:
    """Films to draw from, and the chance of each."""

    films: npt.NDArray[np.intp]
    """Positions."""
    chances: npt.NDArray[np.float64]
    """They sum to 1, unless there is no film."""

    def draw(self, random: np.random.Generator) -> int:
        """Return the position of one film."""
        return int(random.choice(self.films, p=self.chances))


def weigh_films(films: Sequence[LabelledFilm]) -> npt.NDArray[np.float64]:
    """Return the probability of drawing each film; the TB films sum to 0.5, of the others `ILL` are ill.

    Raises:
        ValueError: when a class has no films.
    """
    sources: dict[str, list[LabelledFilm]] = {}
    for film in films:
        sources.setdefault(film.source, []).append(film)
    weight_of = {source: _weigh_source(members) for source, members in sources.items()}
    weights: npt.NDArray[np.float64] = np.array([weight_of[film.source] for film in films])
    is_tb = np.array([film.label.is_tb for film in films], dtype=bool)
    if is_tb.all() or not is_tb.any():
        raise ValueError("films of both classes are needed")
    for mask in (is_tb, ~is_tb):
        weights[mask] *= 0.5 / weights[mask].sum()
    is_ill = np.array([film.label is Label.OTHER for film in films], dtype=bool)
    is_normal = ~is_tb & ~is_ill
    if is_ill.any() and is_normal.any():
        share = min(ILL, ILL_GAIN * float(weights[is_ill].sum()) / 0.5)
        weights[is_ill] *= 0.5 * share / weights[is_ill].sum()
        weights[is_normal] *= 0.5 * (1.0 - share) / weights[is_normal].sum()
    return weights


def mark_cells(lesions: Picture) -> Picture:
    """Return the target of each cell of the central field.

    Args:
        lesions: float32 (256, 256), 1 inside a box.

    Returns:
        float32 (14, 14): 1 where more than 35 % of the cell lies in a box, 0 below 10 %, else -1.
    """
    field = lesions[MARGIN : MARGIN + FIELD, MARGIN : MARGIN + FIELD]
    share = field.reshape(CELLS, CELL_PIXELS, CELLS, CELL_PIXELS).mean(axis=(1, 3))
    marked: Any = np.where(share > LESION_ABOVE, 1.0, np.where(share < LESION_BELOW, 0.0, UNKNOWN))
    return np.asarray(marked, np.float32)


def _weigh_source(films: Sequence[LabelledFilm]) -> float:
    if len({film.label.is_tb for film in films}) == 2:
        return SAME_SOURCE
    return 1.0 if any(film.boxes for film in films) else ONE_CLASS_WITHOUT_BOXES
