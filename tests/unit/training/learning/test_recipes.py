"""Training that goes on from a bundle."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from domain.bundle.bundle import open_bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tests.unit.training.synthetic_films import film
from training.films.film_store import FilmStore
from training.learning.recipe import TrainingData
from training.learning.recipes import build_recipe
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
