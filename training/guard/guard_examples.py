"""Examples for training and evaluation of the image guard: features of real, changed and drawn pictures."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.array.image_features import describe
from domain.array.image_guard import PICTURES, Picture
from domain.array.normalization import normalize
from domain.array.picture import read_picture
from domain.errors import PermanentError
from training.guard.guard_phantoms import draw_phantom
from training.guard.guard_pictures import Array, cut, cut_photograph, draw_pattern, turn, vary, vary_greys

SAME_PLACE: Final = {"rsna_normal": "us", "nih": "us", "RSNA film": "us"}
"""Sources that share patients, which are held out together."""

MISLABELLED: Final = frozenset({"covid/COVID-257.png", "nih/00003490_011.png", "rsna_normal/Normal-2964.png"})
"""Files listed as chest films, but upside down (two) or inverted (one): they count as `turned_chest`."""

DRAWN: Final = "drawn"
"""The place of phantoms and patterns."""

CHANGES_PER_PICTURE: Final = 60
"""Changed copies of each real picture that is no chest film, so that some thirty count among thousands."""


@dataclass(frozen=True)
class Example:
    """One picture as input of the guard."""

    place: str
    """Source of a chest film, subject of another real picture, or `DRAWN`."""
    kind: str
    """Origin of the picture; `film` and `real` are unchanged pictures."""
    picture: Picture
    learnt: bool
    """False for an example that is used only in the evaluation."""
    features: npt.NDArray[np.float16]


@dataclass(frozen=True)
class Examples:
    """All examples; each array has one row per example."""

    places: npt.NDArray[np.str_]
    kinds: npt.NDArray[np.str_]
    targets: npt.NDArray[np.int64]
    """Index into `PICTURES`."""
    learnt: npt.NDArray[np.bool_]
    features: npt.NDArray[np.float16]

    @property
    def hospitals(self) -> npt.NDArray[np.str_]:
        """Places, with one name for sources that share patients."""
        return np.array([SAME_PLACE.get(str(place), str(place)) for place in self.places])


def make_examples(films: Path, others: Path, drawn: int, threads: int) -> Examples:
    """Read or draw all pictures, and compute their features.

    Args:
        films: folder with `films.csv` (columns file and source) and `films/`.
        others: the file of `python -m benchmarks.guard_films`.
        drawn: number of phantoms, and of patterns.
        threads: number of threads; NumPy and Pillow release the global lock.

    Raises:
        PermanentError: when a file is missing.
    """
    if not (films / "films.csv").is_file() or not others.is_file():
        raise PermanentError(
            f"{films}/films.csv and {others} are needed; python -m benchmarks.guard_films makes the latter"
        )
    with (films / "films.csv").open(encoding="utf-8", newline="") as file:
        listed = [(row["file"], row["source"]) for row in csv.DictReader(file)]
    with np.load(others, allow_pickle=False) as stored:
        real = list(zip(stored["arrays"], stored["subjects"], stored["kinds"], strict=True))
    chest = partial(_change_film, films / "films")
    jobs: list[tuple[Callable[..., list[Example]], list[tuple[object, ...]]]] = [
        (chest, [(number, *row) for number, row in enumerate(listed)]),
        (_draw, [(number,) for number in range(drawn)]),
        (_change_other, [(number, *row) for number, row in enumerate(real)]),
    ]
    with ThreadPoolExecutor(threads) as pool:
        found = [
            example
            for work, arguments in jobs
            for examples in pool.map(work, *zip(*arguments, strict=True))
            for example in examples
        ]
    return Examples(
        places=np.array([example.place for example in found]),
        kinds=np.array([example.kind for example in found]),
        targets=np.array([PICTURES.index(example.picture) for example in found]),
        learnt=np.array([example.learnt for example in found]),
        features=np.stack([example.features for example in found]),
    )


def _change_film(folder: Path, number: int, file: str, source: str) -> list[Example]:
    array = normalize(read_picture(folder / file))
    if file in MISLABELLED:
        return [_describe(source, "film", Picture.TURNED_CHEST, array)]
    draw = np.random.default_rng([1, number])
    chest = partial(_describe, source, picture=Picture.FRONTAL_CHEST)
    turned = partial(_describe, source, picture=Picture.TURNED_CHEST)
    measured = {
        "turned by 90°": np.rot90(array),
        "turned by 180°": array[::-1, ::-1],
        "turned by 270°": np.rot90(array, 3),
        "upside down": array[::-1],
        "inverted": 1.0 - array,
    }
    return [
        chest(kind="film", array=array),
        *(chest(kind="changed", array=vary(array, draw)) for _ in range(2)),
        chest(kind="changed", array=vary_greys(array, draw)),
        turned(kind="turned", array=turn(vary(array, draw), draw)),
        turned(kind="turned", array=turn(array, draw)),
        _describe(source, "part of a chest", Picture.OTHER_RADIOGRAPH, cut(array, draw)),
        *(turned(kind=kind, array=changed, learnt=False) for kind, changed in measured.items()),
    ]


def _draw(number: int) -> list[Example]:
    draw = np.random.default_rng([2, number])
    return [
        _describe(DRAWN, "phantom", Picture.OTHER_RADIOGRAPH, draw_phantom(draw)),
        _describe(DRAWN, "pattern", Picture.NOT_AN_XRAY, draw_pattern(draw)),
    ]


def _change_other(number: int, array: npt.NDArray[np.float16], subject: str, kind: str) -> list[Example]:
    picture = Picture(str(kind))
    whole = array.astype(np.float32)
    examples = [_describe(str(subject), "real", picture, whole, learnt=picture is not Picture.FRONTAL_CHEST)]
    if picture is Picture.FRONTAL_CHEST:
        return examples
    draw = np.random.default_rng([3, number])
    examples.extend(
        _describe(str(subject), "changed", picture, changed) for changed in _vary_other(whole, picture, draw)
    )
    return examples


def _vary_other(array: Array, picture: Picture, draw: np.random.Generator) -> Iterator[Array]:
    for _ in range(CHANGES_PER_PICTURE):
        changed = vary(array, draw)
        if draw.random() < 0.5:
            changed = turn(changed, draw)
        if picture is Picture.NOT_AN_XRAY and draw.random() < 0.4:
            changed = cut_photograph(array, draw)
        yield changed


def _describe(place: str, kind: str, picture: Picture, array: Array, learnt: bool = True) -> Example:
    features = describe(np.ascontiguousarray(array, dtype=np.float32))
    return Example(place, kind, picture, learnt, features.astype(np.float16))
