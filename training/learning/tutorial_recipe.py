"""Training of the tutorial's networks: each film unchanged once an epoch, Adam, binary cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from networks.keras_library import load_keras
from training.learning.architectures import build_scratch, build_vgg16, build_vgg16_features, build_vgg16_head
from training.learning.fused_adam import build_adam
from training.learning.recipe import TrainingData
from training.learning.vgg16_weights import load_vgg16_weights
from training.retrain_settings import RetrainSettings

keras = load_keras()

SCRATCH_EPOCHS: Final = 30
VGG16_EPOCHS: Final = 15
SCORING_BATCH: Final = 16

Read = Callable[[Sequence[int]], npt.NDArray[np.float32]]


class ShuffledFilms(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
    """The batches of one epoch: every film once, in an order that depends on seed and epoch.

    Each item is (inputs, targets): the result of `read` for the films, and float32 targets (k, outputs).
    """

    def __init__(
        self,
        read: Read,
        targets: npt.NDArray[np.float32],
        train: Sequence[int],
        *,
        batch: int,
        seed: int,
        epoch: int,
    ) -> None:
        super().__init__(workers=1, max_queue_size=4)
        self._read, self._targets, self._batch = read, targets, batch
        self._order = np.random.default_rng([seed, epoch]).permutation(np.asarray(train))

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._batch)

    def __getitem__(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        chosen = self._order[number * self._batch : (number + 1) * self._batch]
        return self._read(chosen.tolist()), self._targets[chosen]


class TutorialRecipe:
    """The common part of the two recipes.

    Args:
        data: films and arrays.
        settings: epochs, batch, seed, learning rate.
        epochs: default number of epochs.
        model: the part of the network that is trained.
        read: returns the inputs of the model for film positions.
        outputs: 1, or 2 with TB last.
    """

    def __init__(
        self, data: TrainingData, settings: RetrainSettings, epochs: int, model: Any, read: Read, outputs: int
    ) -> None:
        self.epochs = settings.epochs or epochs
        self.batch = settings.batch
        self.batches = math.ceil(len(data.train) / settings.batch)
        self.model = model
        self._data, self._seed, self._read = data, settings.seed, read
        is_tb = np.array([film.label.is_tb for film in data.films], np.float32)
        self._targets = is_tb[:, np.newaxis] if outputs == 1 else np.stack([1 - is_tb, is_tb], axis=1)
        rate = settings.learning_rate or 1e-3
        optimizer = build_adam(rate)
        model.compile(optimizer, keras.losses.BinaryCrossentropy())
        # Otherwise TensorFlow traces the step twice, the second time with the optimizer's variables.
        optimizer.build(model.trainable_variables)

    def make_epoch(self, epoch: int) -> ShuffledFilms:
        """Return the batches of one epoch."""
        return ShuffledFilms(
            self._read, self._targets, self._data.train, batch=self.batch, seed=self._seed, epoch=epoch
        )

    def score(self, positions: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return the scores (n,), 0..1: the last output."""
        scores = [
            np.asarray(self.model.predict_on_batch(self._read(positions[first : first + SCORING_BATCH])))
            for first in range(0, len(positions), SCORING_BATCH)
        ]
        return np.concatenate(scores)[:, -1].astype(np.float64) if scores else np.empty(0)

    def finish(self) -> Any:
        """Return the graph of a bundle."""
        return self.model


class ScratchRecipe(TutorialRecipe):
    """The training of the CNN from scratch."""

    def __init__(self, data: TrainingData, settings: RetrainSettings, model: Any = None) -> None:
        def read(positions: Sequence[int]) -> npt.NDArray[np.float32]:
            return data.store.read(positions)[..., np.newaxis]

        network = build_scratch() if model is None else model
        super().__init__(data, settings, SCRATCH_EPOCHS, network, read, outputs=2)


class Vgg16Recipe(TutorialRecipe):
    """The training of a dense head on frozen VGG16 features, which are computed once and stored on disk.

    Args:
        data: films and arrays.
        settings: its `cache` is the folder of the features, 64 KiB a film.
        weights: VGG16's weights (`training.learning.vgg16_weights`), or None for the file in Keras' cache.
        progress: called with finished films and all films while features are computed.
    """

    def __init__(
        self,
        data: TrainingData,
        settings: RetrainSettings,
        weights: Path | None,
        progress: Callable[[int, int], None],
    ) -> None:
        self._base = build_vgg16_features()
        origin = load_vgg16_weights(self._base, weights)
        features = _compute_features(self._base, data, settings.cache, origin, progress)

        def read(positions: Sequence[int]) -> npt.NDArray[np.float32]:
            return np.asarray(features[np.asarray(positions)], dtype=np.float32)

        super().__init__(data, settings, VGG16_EPOCHS, build_vgg16_head(), read, outputs=1)

    def finish(self) -> Any:
        """Return features and head as one graph."""
        return build_vgg16(self._base, self.model)


def _compute_features(
    base: Any, data: TrainingData, cache: Path, origin: str, progress: Callable[[int, int], None]
) -> npt.NDArray[np.float16]:
    """Return float16 (n, features) as a memory map, computed unless the cache has them."""
    path = cache / f"vgg16-{origin}-{data.store.key}.npy"
    if path.is_file():
        cached: npt.NDArray[np.float16] = np.load(path, mmap_mode="r", allow_pickle=False)
        return cached
    cache.mkdir(parents=True, exist_ok=True)
    count, width = len(data.films), int(np.prod(base.output_shape[1:]))
    partial = path.with_suffix(".new")
    features = np.lib.format.open_memmap(partial, "w+", np.float16, (count, width))
    for first in range(0, count, SCORING_BATCH):
        positions = list(range(first, min(first + SCORING_BATCH, count)))
        films = data.store.read(positions)[..., np.newaxis]
        features[positions] = np.asarray(base.predict_on_batch(films)).reshape(len(positions), width)
        progress(positions[-1] + 1, count)
    features.flush()
    partial.replace(path)
    return _compute_features(base, data, cache, origin, progress)
