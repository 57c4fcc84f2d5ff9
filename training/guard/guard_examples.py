"""What the image guard learns from and is measured on: features of real, changed and drawn pictures."""

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
"""Sources that share patients: held out together."""

MISLABELLED: Final = frozenset({"covid/COVID-257.png", "nih/00003490_011.png", "rsna_normal/Normal-2964.png"})
"""Listed as chest films and found upside down (two) or inverted (one): they count as `turned_chest`."""

DRAWN: Final = "drawn"
"""Place of phantoms and patterns."""

CHANGES_PER_PICTURE: Final = 60
"""Of each real picture that is no chest film, so that some thirty weigh something among thousands."""


@dataclass(frozen=True)
class Example:
    """One picture as the guard sees it."""

    place: str
    """Source of a chest film, subject of another real picture, or `DRAWN`."""
    kind: str
    """How it came about; `film` and `real` are unchanged."""
    picture: Picture
    learnt: bool
    """False for what only measures."""
    features: npt.NDArray[np.float16]


@dataclass(frozen=True)
class Examples:
    """All examples; the arrays have one row for each."""

    places: npt.NDArray[np.str_]
    kinds: npt.NDArray[np.str_]
    targets: npt.NDArray[np.int64]
    """Index into `PICTURES`."""
    learnt: npt.NDArray[np.bool_]
    features: npt.NDArray[np.float16]

    @property
    def hospitals(self) -> npt.NDArray[np.str_]:
        """Places, those that share patients under one name."""
        return np.array([SAME_PLACE.get(str(place), str(place)) for place in self.places])


def make_examples(films: Path, others: Path, drawn: int, threads: int) -> Examples:
    """Read and draw all pictures, and describe them.

    Args:
        films: folder with `films.csv` (columns file and source) and `films/`.
        others: made by `python -m benchmarks.guard_films`.
        drawn: number of phantoms, and of patterns.
        threads: how many work at once; NumPy and Pillow let go of the lock.

    Raises:
        PermanentError: when something is missing.
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
        (chest, [(number, *one) for number, one in enumerate(listed)]),
        (_draw, [(number,) for number in range(drawn)]),
        (_change_other, [(number, *one) for number, one in enumerate(real)]),
    ]
    with ThreadPoolExecutor(threads) as pool:
        found = [
            example
            for work, arguments in jobs
            for examples in pool.map(work, *zip(*arguments, strict=True))
            for example in examples
        ]
    return Examples(
        places=np.array([one.place for one in found]),
        kinds=np.array([one.kind for one in found]),
        targets=np.array([PICTURES.index(one.picture) for one in found]),
        learnt=np.array([one.learnt for one in found]),
        features=np.stack([one.features for one in found]),
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
        _describe(str(subject), "changed", picture, one) for one in _vary_other(whole, picture, draw)
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
