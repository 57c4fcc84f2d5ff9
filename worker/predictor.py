"""A loaded bundle: arrays in, scores out. Imports Keras, so load it in the process that predicts.

TensorFlow hangs when a process forks after it was loaded; Celery's parent process therefore never
imports this module.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from dicom_gateway.normalization import SPEC
from worker.bundle import STRUCTURE, WEIGHTS, Bundle, DamagedBundleError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras


class Predictor:
    """One bundle's network.

    Args:
        bundle: verified; nothing in it is run.
        threads: CPU threads to predict with; 0 leaves it to the backend.

    Raises:
        DamagedBundleError: when structure and weights do not fit each other or the array.
    """

    def __init__(self, bundle: Bundle, threads: int = 0) -> None:
        if threads and keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        self.bundle = bundle
        try:
            model = keras.models.model_from_json((bundle.directory / STRUCTURE).read_text("utf-8"))
            with warnings.catch_warnings():
                # Where Keras only warns that weights are not there, it would score with random ones.
                warnings.simplefilter("error", UserWarning)
                model.load_weights(bundle.directory / WEIGHTS)
        except (ValueError, TypeError, KeyError, OSError, RecursionError, UserWarning) as error:
            raise DamagedBundleError(f"{bundle.directory}: Keras cannot load it: {error}") from error
        expected = (None, SPEC.rows, SPEC.columns, 1)
        if tuple(model.input_shape) != expected:
            raise DamagedBundleError(f"the network takes {model.input_shape}, not {expected}")
        self._model: Any = model

    def warm_up(self) -> None:
        """Predict once, so that the first film does not wait for compilation."""
        self.predict(np.zeros((1, SPEC.rows, SPEC.columns), dtype=np.float32))

    def predict(self, arrays: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Score a batch of films.

        Args:
            arrays: float32 (n, 256, 256), 0..1, normalized as the bundle's manifest says.

        Returns:
            float64 (n,), 0..1: the output for tuberculosis, the last one where there are several.

        Raises:
            ValueError: when `arrays` has another shape, of which Keras does not always complain.
            ArithmeticError: when a score is not a number.
        """
        if arrays.ndim != 3 or arrays.shape[1:] != (SPEC.rows, SPEC.columns):
            raise ValueError(f"films have the shape (n, {SPEC.rows}, {SPEC.columns}), not {arrays.shape}")
        outputs = np.asarray(self._model.predict_on_batch(arrays[..., np.newaxis]), dtype=np.float64)
        scores = outputs.reshape(len(arrays), -1)[:, -1]
        if not bool(np.all(np.isfinite(scores))):
            raise ArithmeticError("the network returned what is not a number")
        return np.clip(scores, 0.0, 1.0)
