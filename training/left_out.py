"""Scores of hospitals by networks that never saw them, the ground of thresholds that travel.

Each group of sources is left out of one training and scored by its network. Sources that may share patients
or films belong in one group. The scores are kept on disk by the key of the training, so that a run that
starts again, or another run with the same films and settings, takes them from there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from training.films.film_store import FilmStore
from training.films.labelled_film import LabelledFilm
from training.films.split import Part, split
from training.learning.precision import Precision
from training.learning.recipe import TrainingData
from training.retrain_settings import RetrainSettings
from training.run_checks import Group, check_groups
from training.training_run import RUNS, Reporter, identify, select, train

LEFT_OUT: Final = "left-out"


def score_left_out(
    films: Sequence[LabelledFilm],
    store: FilmStore,
    settings: RetrainSettings,
    precision: Precision,
    groups: Sequence[Group],
    reporter: Reporter,
) -> npt.NDArray[np.float64]:
    """Return the score (n,) of each film by the network that did not see its group; NaN outside all groups.

    Args:
        films: all n films.
        store: arrays of the films, in the same order.
        settings: settings of the run. Its `test_share` is not used here: test films of other sources train.
        precision: number format of the computation.
        groups: sources to leave out together.
        reporter: receiver of the progress.

    Raises:
        PermanentError: when the films without a group cannot train a network.
    """
    check_groups(films, groups)
    if settings.keeps_weights:
        settings = replace(settings, start=None, epochs=None)
    scores = np.full(len(films), np.nan)
    for number, group in enumerate(groups, start=1):
        title = f" without {', '.join(group)} ({number} of {len(groups)})"
        kept = score_group(films, store, settings, precision, group, reporter, title)
        for place, film in enumerate(films):
            if film.source in group:
                scores[place] = kept[film.digest]
    return scores


def score_group(
    films: Sequence[LabelledFilm],
    store: FilmStore,
    settings: RetrainSettings,
    precision: Precision,
    group: Group,
    reporter: Reporter,
    title: str,
) -> dict[str, float]:
    """Return the scores of one group's films by digest, from disk or by a training without the group.

    Arguments as in `score_left_out`; `title` names the group in the progress.
    """
    parts = split(
        films,
        seed=settings.seed,
        test_share=0.0,
        validation_share=settings.validation_share,
        hold_out=(*group, *settings.hold_out),
        any_test=True,
    )
    judged = [place for place in select(parts, Part.TEST) if films[place].source in group]
    used = sorted([*select(parts, Part.TRAIN), *select(parts, Part.VALIDATION), *judged])
    key = identify([films[place] for place in used], [parts[place] for place in used], settings, precision)
    path = settings.cache / LEFT_OUT / f"{key}.json"
    if path.is_file():
        reporter.begin(f"scores{title} are there from an earlier run")
        found: dict[str, float] = json.loads(path.read_text("utf-8"))
        return found
    data = TrainingData(films, store, select(parts, Part.TRAIN), select(parts, Part.VALIDATION))
    folder = settings.cache / RUNS / key
    network, _ = train(data, settings, precision, folder, reporter, title)
    reporter.begin(f"scoring the films{title}")
    values = network.score(store, judged, reporter.advance)
    scores = {films[place].digest: float(value) for place, value in zip(judged, values, strict=True)}
    _write(path, scores)
    shutil.rmtree(folder, ignore_errors=True)
    return scores


def _write(path: Path, scores: dict[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(scores), "utf-8")
    os.replace(new, path)  # noqa: PTH105  the atomic one
