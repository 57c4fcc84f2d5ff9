from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from domain.errors import PermanentError
from training.films.labelled_film import Label, LabelledFilm
from training.learning.fit import PATIENCE, EpochResult, FitProgress, fit

FILMS = [
    LabelledFilm(Path(f"{number}.png"), Label.TB if number % 2 else Label.NORMAL, "a", f"{number:032x}")
    for number in range(40)
]
VALIDATION = list(range(20, 40))
INPUTS = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
TARGETS = np.array([[float(film.label.is_tb)] for film in FILMS], np.float32)
INPUTS[:, 0] += 2 * TARGETS[:, 0]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._order = np.random.default_rng(epoch).permutation(20)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> tuple[Any, Any]:
        chosen = self._order[number * 10 : number * 10 + 10]
        return INPUTS[chosen], TARGETS[chosen]


class SmallRecipe:
    """A logistic regression with scores that can be scripted."""

    def __init__(self, epochs: int, rate: float = 0.1, dies_in: int | None = None) -> None:
        keras.utils.set_random_seed(3)
        self.epochs, self.batch, self.batches = epochs, 10, 2
        self.model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
        self.model.compile(keras.optimizers.Adam(rate), "binary_crossentropy")
        self._dies_in = dies_in
        self.made: list[int] = []

    def make_epoch(self, epoch: int) -> Batches:
        self.made.append(epoch)
        if epoch == self._dies_in:
            raise KeyboardInterrupt
        return Batches(epoch)

    def score(self, positions: Sequence[int]) -> np.ndarray[Any, Any]:
        return np.asarray(self.model.predict_on_batch(INPUTS[list(positions)]))[:, 0].astype(float)

    def finish(self) -> Any:
        return self.model


def run(recipe: SmallRecipe, folder: Path, identity: str = "one") -> tuple[list[EpochResult], list[Any]]:
    events: list[Any] = []
    return fit(recipe, FILMS, VALIDATION, folder, identity, events.append), events


def test_every_batch_and_epoch_is_reported(tmp_path: Path) -> None:
    history, events = run(SmallRecipe(3), tmp_path)
    assert [result.epoch for result in history] == [1, 2, 3]
    batches = [event for event in events if isinstance(event, FitProgress)]
    assert [(batch.epoch, batch.batch) for batch in batches] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
        (3, 1),
        (3, 2),
    ]
    assert all(batch.batches == 2 and batch.epochs == 3 for batch in batches)
    assert [event for event in events if isinstance(event, EpochResult)] == history


def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = SmallRecipe(4)
    run(whole, tmp_path / "whole")
    killed = SmallRecipe(4, dies_in=2)
    with pytest.raises(KeyboardInterrupt):
        run(killed, tmp_path / "killed")
    resumed = SmallRecipe(4)
    history, _ = run(resumed, tmp_path / "killed")
    assert resumed.made == [2, 3]
    assert [weights.epoch for weights in history] == [1, 2, 3, 4]
    for weights, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        assert np.allclose(weights, other, atol=1e-6)


def test_the_state_of_another_run_is_not_taken_up(tmp_path: Path) -> None:
    run(SmallRecipe(2), tmp_path, "one")
    other = SmallRecipe(2)
    run(other, tmp_path, "two")
    assert other.made == [0, 1]


def test_the_best_epoch_is_kept_and_training_stops_when_nothing_gets_better(tmp_path: Path) -> None:
    recipe = SmallRecipe(20)
    scripted = [0.5, 0.9, 0.6, 0.7, 0.8, 0.95]
    weights: list[Any] = []

    def score(positions: Sequence[int]) -> np.ndarray[Any, Any]:
        weights.append(recipe.model.get_weights())
        is_tb = np.array([FILMS[position].label.is_tb for position in positions])
        right = round(scripted[len(weights) - 1] * 10)
        scores = np.where(is_tb, 0.5, 0.1)
        scores[np.flatnonzero(is_tb)[right:]] = 0.0
        return scores

    recipe.score = score  # type: ignore[method-assign]
    history, _ = run(recipe, tmp_path)
    assert len(history) == 5  # three epochs after the second were no better
    assert [result.best for result in history] == [True, True, False, False, False]
    for kept, second in zip(recipe.model.get_weights(), weights[1], strict=True):
        assert np.array_equal(kept, second)
    assert sorted(path.name for path in tmp_path.glob("*.h5")) == [
        "epoch-2-best.weights.h5",
        "epoch-5-latest.weights.h5",
    ]


def test_without_validation_films_the_last_epoch_is_kept(tmp_path: Path) -> None:
    recipe = SmallRecipe(PATIENCE + 2)
    history = fit(recipe, FILMS, [], tmp_path, "one", lambda _: None)
    assert [(result.best, result.validation_auc) for result in history] == [(True, None)] * (PATIENCE + 2)
    resumed = SmallRecipe(PATIENCE + 2)
    assert fit(resumed, FILMS, [], tmp_path, "one", lambda _: None) == history
    for kept, last in zip(resumed.model.get_weights(), recipe.model.get_weights(), strict=True):
        assert np.array_equal(kept, last)


def test_a_loss_that_is_no_number_ends_it_with_advice(tmp_path: Path) -> None:
    recipe = SmallRecipe(2)
    recipe.model.compile(keras.optimizers.SGD(float("inf")), "mean_squared_error")
    with pytest.raises(PermanentError, match="lower --learning-rate"):
        run(recipe, tmp_path)
