"""The float32 graph of a bundle; the graph that is evaluated is the one that is shipped."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.bundle.manifest import STRUCTURE, WEIGHTS
from networks.keras_library import load_keras
from training.films.film_store import FilmStore
from training.learning.precision import Precision, set_precision

keras = load_keras()

BATCH: Final = 16


class FinishedNetwork:
    """A trained network without its training configuration.

    Args:
        graph: the graph of a recipe's `finish`: (n, 256, 256, 1) to scores, or to [scores, heat].
    """

    def __init__(self, graph: Any) -> None:
        structure = json.loads(graph.to_json())
        structure.pop("compile_config", None)  # a bundle has no training configuration
        _compute_in_float32(structure)
        set_precision(Precision.FLOAT32)
        self.structure: Final[bytes] = json.dumps(structure, sort_keys=True).encode()
        self._model = keras.models.model_from_json(self.structure.decode())
        self._model.set_weights(graph.get_weights())

    def count_weights(self) -> int:
        """Return the number of the network's weights."""
        return int(self._model.count_params())

    def to_files(self) -> dict[str, bytes]:
        """Return structure and weights as files of a bundle."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / WEIGHTS
            self._model.save_weights(path)
            return {STRUCTURE: self.structure, WEIGHTS: path.read_bytes()}

    def score(
        self, store: FilmStore, positions: Sequence[int], progress: Callable[[int, int], None]
    ) -> npt.NDArray[np.float64]:
        """Return the scores (n,), 0..1, of the films at `positions`."""
        scores = np.empty(len(positions))
        for first in range(0, len(positions), BATCH):
            chosen = positions[first : first + BATCH]
            outputs = self._predict(store, chosen)
            scores[first : first + len(chosen)] = np.asarray(outputs[0]).reshape(len(chosen), -1)[:, -1]
            progress(first + len(chosen), len(positions))
        return np.clip(scores, 0.0, 1.0)

    def draw_heat(self, store: FilmStore, positions: Sequence[int]) -> list[npt.NDArray[np.float32]]:
        """Return the heat map (g, g), 0..1, of each film; an empty list for a network without heat maps."""
        maps: list[npt.NDArray[np.float32]] = []
        for first in range(0, len(positions), BATCH):
            outputs = self._predict(store, positions[first : first + BATCH])
            if len(outputs) > 1:
                maps.extend(np.asarray(outputs[1], np.float32)[..., 0])
        return maps

    def _predict(self, store: FilmStore, positions: Sequence[int]) -> list[Any]:
        outputs = self._model.predict_on_batch(store.read(positions)[..., np.newaxis])
        return outputs if isinstance(outputs, list) else [outputs]


def _compute_in_float32(node: Any) -> None:
    """Replace every mixed precision policy in a Keras JSON by float32, in place."""
    if isinstance(node, dict):
        if node.get("class_name") == "DTypePolicy" and node["config"]["name"].startswith("mixed_"):
            node["config"]["name"] = "float32"
        node_values = list(node.values())
    else:
        node_values = node if isinstance(node, list) else []
    for value in node_values:
        _compute_in_float32(value)
