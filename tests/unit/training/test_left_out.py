"""Groups of sources that are left out: checked before training, and kept on disk afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.errors import PermanentError
from tests.unit.training.synthetic_films import film
from training.films.film_store import FilmStore
from training.films.labelled_film import Box, LabelledFilm
from training.films.split import split
from training.learning.fit import EpochResult, FitProgress
from training.learning.precision import Precision
from training.left_out import LEFT_OUT, score_left_out
from training.retrain_settings import RetrainSettings
from training.run_checks import check_groups
from training.training_run import identify

GROUPS = (("a", "b"), ("c",))


def list_films() -> list[LabelledFilm]:
    """Return films of four sources; only "d" has both classes."""
    labels = {"a": ("tb",), "b": ("normal",), "c": ("tb",), "d": ("tb", "normal")}
    return [
        film(1000 * ord(source) + number, kinds[number % len(kinds)], source)
        for source, kinds in labels.items()
        for number in range(20)
    ]


class Stages:
    """A reporter that keeps the names of the stages."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def begin(self, stage: str) -> None:
        self.names.append(stage)

    def advance(self, done: int, total: int) -> None:
        pass

    def train(self, event: FitProgress | EpochResult) -> None:
        pass


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ((("a", "c"), ("c", "d")), "left out twice: c"),
        ((("a", "c"),), "two groups of sources"),
        ((("a",), ("c",)), "films of one class"),
    ],
)
def test_groups_that_cannot_choose_thresholds_are_refused(
    groups: tuple[tuple[str, ...], ...], said: str
) -> None:
    with pytest.raises(PermanentError, match=said):
        check_groups(list_films(), groups)


def test_groups_of_one_class_each_are_enough_together() -> None:
    check_groups(list_films(), GROUPS)


def test_scores_of_an_earlier_run_are_used_and_nothing_is_trained(tmp_path: Path) -> None:
    films, settings = list_films(), RetrainSettings(cache=tmp_path)
    (tmp_path / LEFT_OUT).mkdir()
    for group in GROUPS:
        parts = split(films, settings.seed, 0.0, settings.validation_share, hold_out=group, any_test=True)
        kept = {member.digest: ord(member.source) / 200 for member in films if member.source in group}
        key = identify(films, parts, settings, Precision.FLOAT32)
        (tmp_path / LEFT_OUT / f"{key}.json").write_text(json.dumps(kept))
    stages = Stages()
    store = FilmStore(tmp_path / "absent", tuple(range(len(films))), tuple(f.digest for f in films))
    scores = score_left_out(films, store, settings, Precision.FLOAT32, GROUPS, stages)
    for member, score in zip(films, scores.tolist(), strict=True):
        assert np.isnan(score) if member.source == "d" else score == ord(member.source) / 200
    assert len(stages.names) == 2
    assert "without a, b (1 of 2)" in stages.names[0]


def test_another_group_seed_or_share_is_another_run(tmp_path: Path) -> None:
    films = list_films()

    def key(group: tuple[str, ...], seed: int = 42, share: float = 0.2) -> str:
        settings = RetrainSettings(cache=tmp_path, seed=seed, validation_share=share)
        parts = split(films, seed, 0.0, share, hold_out=group, any_test=True)
        return identify(films, parts, settings, Precision.FLOAT32)

    keys = [key(("a",)), key(("b",)), key(("a",), seed=1), key(("a",), share=0.4)]
    assert len(set(keys)) == 4


def test_other_boxes_or_sources_are_another_run(tmp_path: Path) -> None:
    """They are corrected in the CSV, and scores of networks without them would choose the thresholds."""
    films, settings = list_films(), RetrainSettings(cache=tmp_path)
    parts = split(films, settings.seed, 0.0, settings.validation_share, hold_out=("a",), any_test=True)

    def key(first: LabelledFilm) -> str:
        return identify([first, *films[1:]], parts, settings, Precision.FLOAT32)

    marked = replace(films[0], boxes=(Box(10, 20, 60, 70),))
    others = [marked, replace(marked, boxes=(Box(10, 20, 60, 71),)), replace(films[0], source="e")]
    assert len({key(first) for first in (films[0], *others)}) == 4
