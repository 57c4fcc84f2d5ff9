"""The trivial baselines: they see places, and no lung."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from domain.errors import PermanentError
from training.judging.baselines import (
    BORDER,
    NAMES,
    THUMBNAIL,
    compute_features,
    measure_border,
    score_baselines,
    score_within,
    shrink,
)


def draw_places(films: int = 80) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.str_]]:
    """Return noise of two places, b with brighter left borders; most TB films come from b."""
    generator = np.random.default_rng(1)
    arrays = generator.random((films, 256, 256), dtype=np.float32) * 0.5
    places = np.array(["a", "b"])[np.arange(films) % 2]
    truth = np.where(generator.random(films) < 0.9, places == "b", places == "a")
    arrays[places == "b", :, :16] += 0.2
    return arrays, truth, places


def test_nine_numbers_by_hand() -> None:
    film = np.full((1, 256, 256), 0.25, dtype=np.float32)
    film[0, 0, :] = 1.0  # the upper edge is white
    film[0, 100:110, 100:110] = 0.0
    mean = (0.25 * (65536 - 256 - 100) + 256) / 65536
    square = (0.0625 * (65536 - 256 - 100) + 256) / 65536
    edge = (256 + 764 * 0.25) / 1020
    expected = [
        mean,
        np.sqrt(square - mean**2),
        1.0,
        100 / 65536,
        256 / 65536,
        edge,
        np.sqrt((256 + 764 * 0.0625) / 1020 - edge**2),
        (2 * (16 + 240 * 0.25) / 256 + 2 * 0.25) / 4,
        20 * 0.25 / (255 * 256),
    ]
    assert measure_border(film).tolist() == [pytest.approx(expected, abs=1e-9)]


def test_a_thumbnail_is_means_of_blocks() -> None:
    film = np.zeros((1, 256, 256), dtype=np.float32)
    film[0, 16:32, 32:48] = 0.5
    film[0, 255, 255] = 1.0
    thumbnail = shrink(film).reshape(16, 16)
    assert (thumbnail[1, 2], thumbnail[15, 15]) == (0.5, 1 / 256)
    assert np.count_nonzero(thumbnail) == 2


def test_features_are_computed_in_batches_and_are_the_same() -> None:
    arrays, *_ = draw_places(10)
    asked: list[list[int]] = []

    def read(indices: Sequence[int]) -> NDArray[np.float32]:
        asked.append(list(indices))
        return arrays[list(indices)]

    features = compute_features(read, 10, batch=4)
    assert asked == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    np.testing.assert_allclose(features[BORDER], measure_border(arrays))
    np.testing.assert_allclose(features[THUMBNAIL], shrink(arrays))


def test_a_pool_of_places_is_told_apart_by_its_borders_alone() -> None:
    arrays, truth, places = draw_places()
    features = {BORDER: measure_border(arrays), THUMBNAIL: shrink(arrays)}
    train = np.arange(80) < 50
    scores = score_baselines(features, truth, train)
    assert tuple(scores) == NAMES
    for score in scores.values():
        assert np.isnan(score[train]).all()
        assert ((score[~train] >= 0) & (score[~train] <= 1)).all()
        assert roc_auc_score(places[~train] == "b", score[~train]) == 1.0
        assert roc_auc_score(truth[~train], score[~train]) > 0.75


def test_a_source_held_out_is_scored_by_the_others_alone() -> None:
    arrays, truth, places = draw_places()
    features = {BORDER: measure_border(arrays)}
    others = places != "b"
    scores = score_baselines(features, truth, others)[BORDER]
    assert np.isfinite(scores).tolist() == (places == "b").tolist()
    changed = np.where(places == "b", ~truth, truth)  # its labels play no part
    np.testing.assert_array_equal(scores, score_baselines(features, changed, others)[BORDER])


def test_within_a_source_each_film_is_scored_by_the_others_of_it() -> None:
    generator = np.random.default_rng(3)
    truth = np.arange(60) % 2 == 0
    places = np.array(["both"] * 40 + ["few"] * 6 + ["one class"] * 14)
    truth[46:] = True
    features = {BORDER: generator.normal(truth[:, None], size=(60, 9))}
    scores = score_within(features, truth, places)
    assert list(scores) == [f"{BORDER}, same source"]
    within = scores[f"{BORDER}, same source"]
    assert np.isfinite(within).tolist() == [True] * 40 + [False] * 20
    assert roc_auc_score(truth[:40], within[:40]) > 0.8
    noise = {BORDER: generator.normal(size=(60, 9))}
    in_sample_would_be = 0.85
    assert roc_auc_score(truth[:40], next(iter(score_within(noise, truth, places).values()))[:40]) < (
        in_sample_would_be
    )


def test_one_class_teaches_nothing() -> None:
    with pytest.raises(PermanentError, match="with TB and without"):
        score_baselines({BORDER: np.zeros((3, 9))}, [True, True, False], np.array([True, True, False]))


def test_nothing_left_to_score_is_no_error() -> None:
    scores = score_baselines({BORDER: np.eye(2, 9)}, [True, False], np.array([True, True]))
    assert np.isnan(scores[BORDER]).all()
