"""Comparison of two registered bundles on labelled films that neither was fitted to; the result is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.progress import Progress

from db.database import Database
from db.models import comparisons
from db.models.bundles import RegisteredModel
from domain.array.normalization import FilmArray
from domain.errors import PermanentError
from tbscreen.models.activation import read_films
from tbscreen.models.prepared_file import name_reader, read_labelled
from tbscreen.settings import Settings
from training.films.film_index import FilmIndex, index_films
from training.films.labelled_film import LabelledFilm
from training.judging.admission import check_normalization
from training.judging.comparison import Comparison, compare_scored, find_seen
from training.judging.scored_films import gather
from worker.bundle_cache import BundleCache
from worker.predictor import Predictor
from worker.settings import bundle_cache_directory

BATCH: Final = 32
"""Films that are held in memory at once."""

Films = list[tuple[int, LabelledFilm]]
"""With their positions in the index."""


def compare_on_images(
    settings: Settings,
    database: Database,
    candidate: RegisteredModel,
    reference: RegisteredModel,
    images: Sequence[str],
    labels: Path | None,
    by: str,
) -> Comparison:
    """Let two bundles score labelled films, compare them, and keep the result in the database.

    Films that one of the two was trained or validated on are left out, by their digests.

    Args:
        settings: of this installation.
        database: with both bundles registered.
        candidate: one bundle.
        reference: the other.
        images: files, folders and globs.
        labels: CSV; None where names or folders say what a film shows.
        by: the person, as user@host.

    Raises:
        PermanentError: when there are no films, or their labels cannot be read, or when a bundle takes
            other arrays, or when a bundle cannot be loaded.
    """
    for model in (candidate, reference):
        check_normalization(model)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        index = _index(settings, images, labels, progress)
        films, warnings = _leave_out(database, index, (candidate, reference))
        cache = BundleCache(bundle_cache_directory(settings.data_directory), database)
        ours, theirs = (
            gather(
                [film for _, film in films],
                ["test"] * len(films),
                _score(Predictor(cache.open(model.digest)), index, films, progress, model.name),
            )
            for model in (candidate, reference)
        )
    comparison = compare_scored(
        candidate.digest,
        reference.digest,
        ours,
        theirs,
        left_out=len(index.films) - len(films),
        warnings=tuple(warnings),
    )
    with database.write() as session:
        comparisons.record(
            session, candidate.digest, reference.digest, by, comparison.model_dump(mode="json")
        )
    return comparison


def _index(settings: Settings, images: Sequence[str], labels: Path | None, progress: Progress) -> FilmIndex:
    task = progress.add_task("reading films")

    def read(path: Path) -> FilmArray:
        return read_labelled(path, settings.gateway)

    def show(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total)

    index = index_films(
        images,
        settings.data_directory / "training",
        labels,
        read=read,
        progress=show,
        reader_name=name_reader(settings.gateway),
    )
    if not index.films:
        first = index.problems[0]
        others = len(index.problems) - 1
        more = f", and {others} more" if others else ""
        raise PermanentError(f"no film can be used: {first.path}: {first.reason}{more}")
    return index


def _leave_out(
    database: Database, index: FilmIndex, models: Sequence[RegisteredModel]
) -> tuple[Films, list[str]]:
    """Return the films that no bundle was fitted to, and what a reader of the comparison should know."""
    seen: set[str] = set()
    warnings = [
        f"{count} {kind.value} files are not among the films"
        for kind, count in index.count_problems().items()
    ]
    with database.read() as session:
        for model in models:
            known = read_films(session, model.digest)
            if known is not None:
                seen |= find_seen(known)
            elif model.trained:
                warnings.append(
                    f"{model.digest[:12]} does not say which films it was trained on: "
                    "if they are among these, its AUC is too high"
                )
    return [(place, film) for place, film in enumerate(index.films) if film.digest not in seen], warnings


def _score(
    predictor: Predictor, index: FilmIndex, films: Films, progress: Progress, name: str
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return scores, float64 (n,)."""
    task = progress.add_task(f"{name} scores", total=len(films))
    scores = np.empty(len(films))
    for start in range(0, len(films), BATCH):
        part = [place for place, _ in films[start : start + BATCH]]
        scores[start : start + len(part)] = predictor.predict(index.store.read(part))
        progress.advance(task, len(part))
    return scores
