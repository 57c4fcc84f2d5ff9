"""Training that goes on from a bundle."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from domain.bundle.bundle import open_bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tests.unit.training.synthetic_films import film
from tests.unit.worker.networks import write_model
from training.films.film_store import FILM_BYTES, FilmStore
from training.learning.lite0 import build_lite0, finish
from training.learning.recipe import Architecture, TrainingData
from training.learning.recipes import build_recipe, keep_weights
from training.learning.style_mixing import StyleMixing
from training.retrain_settings import RetrainSettings


def test_the_default_recipe_goes_on_from_the_shipped_bundle(tmp_path: Path) -> None:
    films = [film(number, label, "a") for number, label in enumerate(("tb", "normal"))]
    store = FilmStore(tmp_path / "absent", (0, 1), tuple(member.digest for member in films))
    bundle = open_bundle(DEFAULT_BUNDLE)
    data = TrainingData(films, store, (0, 1), ())
    settings = RetrainSettings(cache=tmp_path, start=bundle)
    model = build_recipe(data, settings, lambda done, total: None).model
    shipped = keras.models.model_from_json((bundle.directory / STRUCTURE).read_text("utf-8"))
    shipped.load_weights(bundle.directory / WEIGHTS)
    for name in (layer.name for layer in model.layers if layer.weights):
        for ours, theirs in zip(
            model.get_layer(name).get_weights(), shipped.get_layer(name).get_weights(), strict=True
        ):
            assert np.array_equal(ours, theirs), name
    assert any(isinstance(layer, StyleMixing) for layer in model.layers)
    # Otherwise the first step makes them, and TensorFlow traces it a second time.
    assert {"tuberculosis_loss", "cells_loss"} <= {metric.name for metric in model.metrics}


def test_a_recipe_scores_films_as_its_bundle_will(tmp_path: Path) -> None:
    """The best epoch is chosen by scores of a recipe."""
    films = [film(number, label, "a") for number, label in enumerate(("tb", "normal"))]
    (tmp_path / "films").write_bytes(np.random.default_rng(1).bytes(2 * FILM_BYTES))
    store = FilmStore(tmp_path / "films", (0, 1), tuple(member.digest for member in films))
    settings = RetrainSettings(cache=tmp_path, start=open_bundle(DEFAULT_BUNDLE))
    recipe = build_recipe(TrainingData(films, store, (0, 1), ()), settings, lambda done, total: None)
    scores, _ = recipe.finish().predict_on_batch(store.read([0, 1])[..., np.newaxis])
    np.testing.assert_allclose(recipe.score([0, 1]), scores[:, 0], rtol=1e-4)


def test_kept_weights_of_an_earlier_version_get_the_graph_of_this_one(tmp_path: Path) -> None:
    """Their thresholds are chosen on scores of networks with this graph."""
    keras.utils.set_random_seed(1)
    network = build_lite0()
    score, heat = (
        keras.layers.Activation("sigmoid")(network.output[name]) for name in ("tuberculosis", "cells")
    )
    earlier = keras.Model(network.input, [score, heat])
    bundle = write_model(tmp_path, earlier, architecture=Architecture.DEFAULT.value)
    films = np.random.default_rng(1).random((2, 256, 256, 1)).astype(np.float32)
    kept = keep_weights(bundle, Architecture.DEFAULT).predict_on_batch(films)[0]
    np.testing.assert_allclose(kept, finish(network).predict_on_batch(films)[0], rtol=1e-4)
    assert np.abs(kept - earlier.predict_on_batch(films)[0]).max() > 0.01
