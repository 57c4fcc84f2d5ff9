from __future__ import annotations

import keras
import numpy as np

from networks.layers import EqualizeHistogram1, LogMeanExpPooling1


def test_equalised_values_are_spread_evenly() -> None:
    films = np.random.default_rng(1).beta(2, 5, (1, 224, 224, 1)).astype(np.float32)
    equalized = np.asarray(EqualizeHistogram1()(films))
    shares, _ = np.histogram(equalized, bins=8, range=(0, 1))
    assert np.all(np.abs(shares / films.size - 1 / 8) < 0.02)


def test_equalised_values_by_hand() -> None:
    films = (
        np.array([[0.0, 1.0], [0.0, 0.5]], np.float32).repeat(4, 0).repeat(4, 1)[np.newaxis, ..., np.newaxis]
    )
    equalized = np.asarray(EqualizeHistogram1()(films))[0, ::4, ::4, 0]
    # Half of the sample is 0 (middle rank 0.25), a quarter 0.5 (0.625), a quarter 1 (0.875).
    assert np.allclose(equalized, [[0.25, 0.875], [0.25, 0.625]])


def test_each_film_is_equalised_by_itself() -> None:
    random = np.random.default_rng(2)
    films = random.random((2, 64, 64, 1)).astype(np.float32)
    together = np.asarray(EqualizeHistogram1()(films))
    alone = np.asarray(EqualizeHistogram1()(films[1:]))
    assert np.array_equal(together[1:], alone)


def test_one_certain_cell_of_cells_scores_the_film_as_itself() -> None:
    logits = np.full((1, 4, 5, 1), -50.0, np.float32)
    logits[0, 1, 2, 0] = 3.0
    pooled = np.asarray(LogMeanExpPooling1(cells=20.0)(logits))
    assert pooled.shape == (1, 1)
    assert np.isclose(pooled[0, 0], 3.0)


def test_even_cells_score_their_mean_times_cells() -> None:
    logits = np.full((1, 4, 5, 1), -1.0, np.float32)
    assert np.isclose(np.asarray(LogMeanExpPooling1(cells=20.0)(logits))[0, 0], -1.0 + np.log(20.0))


def test_layers_come_back_from_json() -> None:
    films = keras.Input((8, 8, 1))
    model = keras.Model(films, LogMeanExpPooling1(cells=7.0)(EqualizeHistogram1()(films)))
    again = keras.models.model_from_json(model.to_json())
    values = np.random.default_rng(3).random((1, 8, 8, 1)).astype(np.float32)
    assert np.array_equal(again.predict_on_batch(values), model.predict_on_batch(values))
