from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.unit.training import synthetic_films
from training.films.film_store import FilmStore
from training.learning.lite0 import MIXED_AFTER
from training.learning.lite0_recipe import Lite0Recipe
from training.learning.recipe import TrainingData
from training.learning.style_mixing import StyleMixing
from training.retrain_settings import RetrainSettings


def make_features() -> np.ndarray:
    """Eight films whose two channels differ in mean and spread."""
    random = np.random.default_rng(1)
    films = random.normal(0.0, 1.0, (8, 6, 6, 2))
    films *= np.linspace(0.5, 4.0, 8)[:, None, None, None]
    return (films + np.linspace(-9.0, 9.0, 8)[:, None, None, None]).astype(np.float32)


def measure(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return features.mean(axis=(1, 2)), features.std(axis=(1, 2))


def test_outside_training_nothing_changes() -> None:
    features = make_features()
    assert np.array_equal(np.asarray(StyleMixing()(features, training=False)), features)
    assert np.array_equal(np.asarray(StyleMixing()(features)), features)


def test_a_film_keeps_its_structure_and_takes_a_style_between_two_films() -> None:
    layer, features = StyleMixing(), make_features()
    mean, spread = measure(features)
    changed = 0
    for _ in range(20):
        mixed = np.asarray(layer(features, training=True))
        new_mean, new_spread = measure(mixed)
        structure = (features - mean[:, None, None]) / spread[:, None, None]
        assert np.allclose(
            (mixed - new_mean[:, None, None]) / new_spread[:, None, None], structure, atol=1e-3
        )
        assert np.all((new_mean >= mean.min(0) - 1e-3) & (new_mean <= mean.max(0) + 1e-3))
        # Mean and spread come from the same other film, in the same share.
        for film in np.flatnonzero(np.abs(new_mean - mean).max(1) > 0.01):
            means, others = np.delete(mean, film, 0), np.delete(spread, film, 0)
            shares = (new_mean[film] - mean[film]) / (means - mean[film])
            spreads = spread[film] + shares * (others - spread[film])
            assert np.isclose(spreads, new_spread[film], atol=0.02).all(1).any()
            changed += 1
    # Half of the films, less those that are paired with themselves or keep nearly all of their own style.
    assert 0.1 < changed / (20 * len(features)) < 0.5


def test_all_layers_of_a_network_mix_the_same_films_in_the_same_shares() -> None:
    first, second, features = StyleMixing(), StyleMixing(), make_features()
    draws = [[np.asarray(layer(features, training=True)) for _ in range(5)] for layer in (first, second)]
    for one_layer, other_layer in zip(*draws, strict=True):
        assert np.array_equal(one_layer, other_layer)
    assert not np.array_equal(draws[0][0], draws[0][1])


def test_no_gradient_goes_through_mean_and_spread() -> None:
    import tensorflow as tf

    features = tf.constant(make_features())
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = tf.reduce_sum(StyleMixing()(features, training=True))
    gradient = np.asarray(tape.gradient(total, features))
    _, spread = measure(make_features())
    factors = gradient.reshape(8, -1, 2)
    assert np.allclose(factors, factors[:, :1], atol=1e-3), "each film's gradient is one factor a channel"
    assert np.all(factors > 0)
    assert factors.max() < spread.max() / spread.min() + 0.1


def test_the_network_in_training_has_it_and_the_graph_of_a_bundle_has_not(tmp_path: Path) -> None:
    films = [synthetic_films.film(number, label, "a") for number, label in enumerate(("tb", "normal"))]
    store = FilmStore(tmp_path / "absent", (0, 1), tuple(member.digest for member in films))
    data = TrainingData(films, store, (0, 1), ())
    recipe = Lite0Recipe(data, RetrainSettings(cache=tmp_path), None)
    mixing = [layer.name for layer in recipe.model.layers if isinstance(layer, StyleMixing)]
    assert mixing == [f"{block}_style" for block in MIXED_AFTER]
    graph = recipe.finish()
    assert "StyleMixing" not in json.dumps(graph.get_config())
    for ours, theirs in zip(graph.get_weights(), recipe.model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
