"""Examples for training and evaluation of the image guard: features of real, changed and drawn pictures."""

from __future__ import annotations

import csv
import re
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
from training.guard.guard_pictures import Array, coarsen, cut, cut_photograph, draw_pattern, turn, vary
from training.guard.guard_slices import draw_slice

SAME_PLACE: Final = {
    **dict.fromkeys(("rsna_normal", "rsna_normal_2", "nih", "RSNA film"), "us"),
    **dict.fromkeys(("covid", "covid_2", "ieee8023", "figure1"), "covid"),
    **dict.fromkeys(("kaggle_tb", "shenzhen"), "shenzhen"),
}
"""Sources that share patients, which are held out together."""

MISLABELLED: Final = frozenset({"covid/COVID-257.png", "nih/00003490_011.png", "rsna_normal/Normal-2964.png"})
"""Files listed as chest films, but upside down (two) or inverted (one): they count as `turned_chest`."""

DRAWN: Final = "drawn"
"""The place of phantoms, slices and patterns."""

DRAWN_TOGETHER: Final = 3
"""Drawn examples of one seed, which stand one after the other: one of each."""

MEASURED_OF: Final = 3
"""Each film of so many is also turned in the ways that are only measured."""

CHANGES: Final = {"lateral_chest": 60, "limb": 10, "ct": 8, "other": 16, "paediatric_chest": 0}
"""Changed copies of each picture of `guard.csv`, by kind, so that few pictures count among thousands."""

CHANGES_OF_OTHERS: Final = 60
"""Changed copies of each picture of `python -m benchmarks.guard_films` that is no chest film."""

PICTURE_OF: Final = {
    "lateral_chest": Picture.LATERAL_CHEST,
    "limb": Picture.OTHER_RADIOGRAPH,
    "ct": Picture.NOT_AN_XRAY,
    "other": Picture.NOT_AN_XRAY,
    "paediatric_chest": Picture.FRONTAL_CHEST,
}
"""The kinds of `guard.csv`. Films of children are measured, not learnt: those here are of one hospital, and a
guard that learns them learns that hospital."""


@dataclass(frozen=True)
class Example:
    """One picture as input of the guard."""

    place: str
    """Source of a film; source, subject or patient of another real picture; or `DRAWN`."""
    kind: str
    """Origin of the picture; `film` and those that begin with `real` are unchanged pictures."""
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


@dataclass(frozen=True)
class Sources:
    """Places of the pictures.

    Attributes:
        films: folder with `films.csv` (columns file and source) and `films/`; with `guard.csv` (columns file,
            kind, source) and `guard/` for pictures that are no frontal chest films of adults.
        others: the file of `python -m benchmarks.guard_films`.
        drawn: number of phantoms, of slices of CT, and of patterns.
    """

    films: Path
    others: Path
    drawn: int


def make_examples(sources: Sources, threads: int) -> Examples:
    """Read or draw all pictures, and compute their features.

    Args:
        sources: the pictures.
        threads: number of threads; NumPy and Pillow release the global lock.

    Raises:
        PermanentError: when a file is missing.
    """
    lists = [sources.films / "films.csv", sources.films / "guard.csv", sources.others]
    absent = [str(path) for path in lists if not path.is_file()]
    if absent:
        raise PermanentError(
            f"missing: {', '.join(absent)}; python -m benchmarks.guard_films makes the last one"
        )
    with np.load(sources.others, allow_pickle=False) as stored:
        real = list(zip(stored["arrays"], stored["subjects"], stored["kinds"], strict=True))
    listed, foreign = _read_rows(lists[0]), _read_rows(lists[1])
    jobs: list[tuple[Callable[..., list[Example]], list[tuple[object, ...]]]] = [
        (partial(_change_film, sources.films / "films"), list(enumerate(listed))),
        (partial(_change_foreign, sources.films / "guard"), list(enumerate(foreign))),
        (_draw, [(number,) for number in range(sources.drawn)]),
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


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _change_film(folder: Path, number: int, row: dict[str, str]) -> list[Example]:
    array, source = normalize(read_picture(folder / row["file"])), row["source"]
    if row["file"] in MISLABELLED:
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
        *(chest(kind="changed", array=coarsen(vary(array, draw), draw)) for _ in range(2)),
        turned(kind="turned", array=coarsen(turn(vary(array, draw), draw), draw)),
        turned(kind="turned", array=turn(array, draw)),
        _describe(source, "part of a chest", Picture.OTHER_RADIOGRAPH, coarsen(cut(array, draw), draw)),
        *(
            turned(kind=kind, array=changed, learnt=False)
            for kind, changed in measured.items()
            if number % MEASURED_OF == 0
        ),
        *([chest(kind="mirrored", array=array[:, ::-1], learnt=False)] if number % MEASURED_OF == 0 else []),
    ]


def _change_foreign(folder: Path, number: int, row: dict[str, str]) -> list[Example]:
    array, kind = normalize(read_picture(folder / row["file"])), row["kind"]
    picture, copies = PICTURE_OF[kind], CHANGES[kind]
    # Laterals are held out by patient or publication, all others by their whole source.
    patient = re.split(r"[-_]", Path(row["file"]).stem)[0]
    place = f"lateral {patient}" if kind == "lateral_chest" else f"{row['source']}, {kind}"
    draw = np.random.default_rng([3, number])
    examples = [_describe(place, f"real {kind}", picture, array, learnt=copies > 0)]
    for _ in range(copies):
        changed = vary(array, draw)
        if draw.random() < 0.3:
            changed = turn(changed, draw)
        examples.append(_describe(place, "changed", picture, coarsen(changed, draw)))
    return examples


def _draw(number: int) -> list[Example]:
    draw = np.random.default_rng([2, number])
    phantom, pattern, section = draw_phantom(draw), draw_pattern(draw), draw_slice(draw)
    return [
        _describe(DRAWN, "phantom", Picture.OTHER_RADIOGRAPH, coarsen(phantom, draw)),
        _describe(DRAWN, "pattern", Picture.NOT_AN_XRAY, pattern),
        _describe(DRAWN, "slice", Picture.NOT_AN_XRAY, coarsen(section, draw)),
    ]


def _change_other(number: int, array: npt.NDArray[np.float16], subject: str, kind: str) -> list[Example]:
    picture = Picture(str(kind))
    whole = array.astype(np.float32)
    examples = [_describe(str(subject), "real", picture, whole, learnt=picture is not Picture.FRONTAL_CHEST)]
    if picture is Picture.FRONTAL_CHEST:
        return examples
    draw = np.random.default_rng([4, number])
    examples.extend(
        _describe(str(subject), "changed", picture, coarsen(changed, draw))
        for changed in _vary_other(whole, picture, draw)
    )
    return examples


def _vary_other(array: Array, picture: Picture, draw: np.random.Generator) -> Iterator[Array]:
    for _ in range(CHANGES_OF_OTHERS):
        changed = vary(array, draw)
        if draw.random() < 0.5:
            changed = turn(changed, draw)
        if picture is Picture.NOT_AN_XRAY and draw.random() < 0.4:
            changed = cut_photograph(array, draw)
        yield changed


def _describe(place: str, kind: str, picture: Picture, array: Array, learnt: bool = True) -> Example:
    features = describe(np.ascontiguousarray(array, dtype=np.float32))
    return Example(place, kind, picture, learnt, features.astype(np.float16))
