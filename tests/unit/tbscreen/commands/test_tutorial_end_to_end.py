"""A model made by the tutorial's own lines: imported, activated, and a film is screened by it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from db.database import Database
from db.films import films
from db.tables import Instance, Screening
from domain.array.normalization import SPEC
from domain.film_key import film_key
from domain.screening_request import ScreeningRequest
from networks.keras_library import load_keras
from tbscreen.models.prepared_file import read_file
from tbscreen.settings import load_settings
from tests import screened_films
from tests.films import real_film
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli
from tests.unit.training import keras2_files as keras2
from worker.screener import Screener, ScreenerSettings, ScreeningOutcome
from worker.settings import WorkerSettings

pytestmark = pytest.mark.usefixtures("examined_here")

TUTORIAL = """
model = Sequential()
model.add(Conv2D(4, (3, 3), padding='same', activation='relu', input_shape=X_train.shape[1:]))
model.add(Conv2D(4, (3, 3), activation='relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(0.25))
model.add(Conv2D(4, (3, 3), padding='same', activation='relu'))
model.add(Conv2D(4, (3, 3), activation='relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(0.25))
model.add(Flatten())
model.add(Dense(8, activation='relu'))
model.add(Dropout(0.5))
model.add(Dense(nb_classes))
model.add(Activation('sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
model.fit(X_train, y_train, batch_size=4, epochs=1, validation_data=(X_test, y_test), verbose=0)
with open('model_structure.json', 'w') as f:
    f.write(model.to_json())
model.save_weights('model.weights.h5')
"""
"""The tutorial's lines with a sixteenth of its filters. Keras 3 wants `.weights.h5`, Keras 2 any name."""


def run_tutorial() -> Any:
    """Run the tutorial's lines with Keras 3 in the working directory; return its model."""
    keras = load_keras()
    keras.utils.set_random_seed(1)
    names = ("Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense", "Activation")
    random = np.random.default_rng(1)
    given: dict[str, Any] = {
        "Sequential": keras.Sequential,
        **{name: getattr(keras.layers, name) for name in names},
        "X_train": random.random((8, SPEC.rows, SPEC.columns, 1)).astype(np.float32),
        "y_train": np.eye(2, dtype=np.float32)[[0, 1] * 4],
        "nb_classes": 2,
    }
    given |= {"X_test": given["X_train"][:4], "y_test": given["y_train"][:4]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Keras 3 would rather have an Input than input_shape
        exec(TUTORIAL, given)
    return given["model"]


def write_keras_2(model: Any) -> tuple[Path, Path]:
    """Write the same network as the tutorial's lines write it with Keras 2."""
    described, weights = [], {}
    for layer in model.layers:
        config = {
            key: value
            for key, value in layer.get_config().items()
            if key not in ("name", "trainable", "dtype")
        }
        config |= {key: None for key in config if key.endswith(("regularizer", "constraint"))}
        config |= {key: keras2.GLOROT for key in config if key == "kernel_initializer"}
        config |= {key: keras2.ZEROS for key in config if key == "bias_initializer"}
        described.append(keras2.describe(type(layer).__name__, layer.name, **config))
        arrays = layer.get_weights()
        if arrays:
            weights[layer.name] = dict(zip(("kernel", "bias"), arrays, strict=True))
    return keras2.write_files(Path.cwd(), keras2.make_sequential(model.input_shape[1:], described), weights)


@pytest.mark.parametrize("version", [2, 3])
def test_a_film_is_screened_by_the_tutorial_s_model(
    version: int, quick_cli: Cli, installed: Database, place: Path
) -> None:
    model = run_tutorial()
    structure, weights = place / "model_structure.json", place / "model_weights.h5"
    if version == 2:
        write_keras_2(model)
    else:
        os.rename("model.weights.h5", weights)  # noqa: PTH104
    imported = quick_cli("models", "import", str(structure), str(weights))
    assert imported.returncode == 0, imported.stderr
    digest = imported.stdout.split()[0]
    words = ("models", "activate", digest, "--trust", "the tutorial's", "--force", "to try it")
    activated = quick_cli(*words)
    assert activated.returncode == 0, activated.stderr

    settings = load_settings()
    prepared = read_file(real_film(), settings.gateway)
    assert prepared.array is not None
    instance_id = screened_films.receive(installed, real_film())
    with installed.write() as session:
        films.record_preparation(session, instance_id, screened_films.draw_rendition(), [])
        pinned = films.pin_bundle(session, instance_id, SPEC.version)
        assert pinned is not None
        assert films.mark_queued(session, instance_id, rows.LEASE)
        uid = session.scalars(select(Instance.sop_instance_uid)).one()
    worker = WorkerSettings(name="worker-7", runtime="keras", precision="float32")
    screener = Screener(ScreenerSettings(settings.database_settings(), worker, place / "cache", place))
    request = ScreeningRequest(instance_id, film_key(uid), SPEC.version, prepared.array)
    assert screener.screen(request) is ScreeningOutcome.SCREENED
    screener.close()
    with installed.read() as session:
        screening = session.scalars(select(Screening)).one()
    assert screening.bundle_digest.startswith(digest)
    expected = model.predict_on_batch(prepared.array[np.newaxis, ..., np.newaxis])[0, -1]
    assert screening.score == pytest.approx(float(expected), abs=1e-5)
