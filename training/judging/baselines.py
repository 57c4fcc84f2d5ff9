"""Two trivial baselines, which classify a film without looking at the lung.

Greys and borders identify a collection. The AUC that a logistic regression reaches on a few such numbers is
no merit of a network, so each evaluation reports these baselines beside the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from domain.errors import PermanentError

BORDER: Final = "intensity and border"
THUMBNAIL: Final = "16×16 thumbnail"
NAMES: Final = (BORDER, THUMBNAIL)

CORNER_PIXELS: Final = 16
BLACK: Final = 0.02
WHITE: Final = 0.98
THUMBNAIL_SIDE: Final = 16
BATCH: Final = 256

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Features = dict[str, Floats]
"""Features by name of baseline, each of shape (n, k)."""


def measure_border(arrays: NDArray[np.float32]) -> Floats:
    """Return nine numbers of each film, shape (n, 9), 0..1.

    Mean, standard deviation and maximum of the greys; share of black (< 0.02) and of white (> 0.98) pixels;
    mean and standard deviation of the outermost pixels; mean of the four corners of 16×16 pixels; mean
    difference of a pixel and its right neighbour. Of several such sets, this one tells sources apart best: a
    weak baseline would flatter the model.

    Args:
        arrays: float32 (n, 256, 256), 0..1.
    """
    side = CORNER_PIXELS
    edge = np.concatenate(
        (arrays[:, 0, :], arrays[:, -1, :], arrays[:, 1:-1, 0], arrays[:, 1:-1, -1]), axis=1, dtype=np.float64
    )
    corners = [arrays[:, rows, columns] for rows in _ends(side) for columns in _ends(side)]
    return np.column_stack(
        (
            arrays.mean(axis=(1, 2), dtype=np.float64),
            arrays.std(axis=(1, 2), dtype=np.float64),
            arrays.max(axis=(1, 2)),
            (arrays < BLACK).mean(axis=(1, 2)),
            (arrays > WHITE).mean(axis=(1, 2)),
            edge.mean(axis=1),
            edge.std(axis=1),
            np.mean([corner.mean(axis=(1, 2), dtype=np.float64) for corner in corners], axis=0),
            np.abs(np.diff(arrays, axis=2)).mean(axis=(1, 2), dtype=np.float64),
        )
    )


def shrink(arrays: NDArray[np.float32]) -> Floats:
    """Return the pixels of 16×16 thumbnails (means of blocks), shape (n, 256), 0..1.

    Args:
        arrays: float32 (n, 256, 256), 0..1.
    """
    side, block = THUMBNAIL_SIDE, arrays.shape[1] // THUMBNAIL_SIDE
    blocks = arrays.reshape(len(arrays), side, block, side, block)
    return np.asarray(blocks.mean(axis=(2, 4)).reshape(len(arrays), side * side), dtype=np.float64)


def compute_features(
    read: Callable[[Sequence[int]], NDArray[np.float32]], films: int, batch: int = BATCH
) -> Features:
    """Return the features of films 0 to `films` - 1, with one batch of arrays in memory at a time.

    Args:
        read: returns float32 (k, 256, 256), 0..1, for k indices, as `FilmStore.read`.
        films: number of films.
        batch: number of films read at once.
    """
    border, thumbnail = np.empty((films, 9)), np.empty((films, THUMBNAIL_SIDE**2))
    for start in range(0, films, batch):
        indices = range(start, min(start + batch, films))
        arrays = read(list(indices))
        border[indices.start : indices.stop] = measure_border(arrays)
        thumbnail[indices.start : indices.stop] = shrink(arrays)
    return {BORDER: border, THUMBNAIL: thumbnail}


def score_baselines(features: Features, is_tb: ArrayLike, train: Mask) -> dict[str, Floats]:
    """Fit both baselines on the films of `train` and score all others; shape (n,), 0..1, NaN for `train`.

    Raises:
        PermanentError: when `train` (shape (n,)) lacks one of the classes.
    """
    truth = np.asarray(is_tb, dtype=bool)
    if len(np.unique(truth[train])) < 2:
        raise PermanentError("the baselines need training films with TB and without")
    scores = {}
    for name, values in features.items():
        scores[name] = np.full(len(truth), np.nan)
        if not train.all():
            model = _build().fit(values[train], truth[train])
            scores[name][~train] = model.predict_proba(values[~train])[:, 1]
    return scores


def score_groups(
    features: Features,
    is_tb: ArrayLike,
    sources: ArrayLike,
    groups: Sequence[Sequence[str]],
    hold_out: Sequence[str] = (),
) -> dict[str, Floats]:
    """Score the films of each group of sources by baselines fitted on all films of other sources.

    Args:
        features: of all n films.
        is_tb: labels, shape (n,).
        sources: sources, shape (n,).
        groups: sources that are left out together.
        hold_out: sources on which no baseline is fitted.

    Returns:
        Scores of shape (n,), 0..1, by name of baseline; NaN outside all groups.

    Raises:
        PermanentError: when the films without a group lack one of the classes.
    """
    places = np.asarray(sources)
    scores = {name: np.full(len(places), np.nan) for name in features}
    for group in groups:
        here = np.isin(places, group)
        fitted = score_baselines(features, is_tb, ~here & ~np.isin(places, hold_out))
        for name, values in fitted.items():
            scores[name][here] = values[here]
    return scores


def score_within(
    features: Features, is_tb: ArrayLike, sources: ArrayLike, folds: int = 5, seed: int = 42
) -> dict[str, Floats]:
    """Score the films of each source by baselines fitted on the same source, cross-validated.

    The scores show how much the greys of one source tell about the disease there. Sources with fewer than
    `folds` films of a class are left out.

    Returns:
        Scores of shape (n,), 0..1, by "<baseline>, same source"; NaN for films of sources left out.
    """
    truth, places = np.asarray(is_tb, dtype=bool), np.asarray(sources)
    scores = {f"{name}, same source": np.full(len(truth), np.nan) for name in features}
    for source in np.unique(places):
        here = places == source
        if min((truth & here).sum(), (~truth & here).sum()) < folds:
            continue
        split = StratifiedKFold(folds, shuffle=True, random_state=seed)
        for name, values in features.items():
            probabilities = cross_val_predict(
                _build(), values[here], truth[here], cv=split, method="predict_proba"
            )
            scores[f"{name}, same source"][here] = probabilities[:, 1]
    return scores


def _build() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))


def _ends(side: int) -> tuple[slice, slice]:
    return slice(None, side), slice(-side, None)
