"""Films that never were: scores, labels and sources as a test wants them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from domain.bundle.calibration import PlattCalibration
from domain.bundle.manifest import OperatingPoint
from figures.text_table import TextTable
from judging.operating_points import choose_operating_points
from training.films.labelled_film import Label, LabelledFilm
from training.judging.evaluation import Evaluation, evaluate
from training.judging.scored_films import ScoredFilms, gather
from training.writing.report_facts import ReportFacts

POINTS = (
    OperatingPoint(name="screening", threshold=0.4, sensitivity=0.9, specificity=0.6),
    OperatingPoint(name="rule_in", threshold=0.7, sensitivity=0.6, specificity=0.9),
)
CALIBRATION = PlattCalibration(slope=1.0, intercept=0.0, prevalence=0.5)


def film(number: int, label: str, source: str, **known: object) -> LabelledFilm:
    """Return one film; its digest is its number."""
    return LabelledFilm(Path("film.png"), Label(label), source, f"{number:032x}", **known)  # type: ignore[arg-type]


def scored(*rows: tuple[str, str, float]) -> ScoredFilms:
    """Return test films of (source, label, score)."""
    films = [film(number, label, source) for number, (source, label, _) in enumerate(rows)]
    return gather(films, ["test"] * len(rows), [score for *_, score in rows])


def draw_films(
    seed: int = 1, sources: Sequence[str] = ("one place", "only tb", "only normal")
) -> ScoredFilms:
    """Return 600 films of three sources, the first with all three labels, in all three parts."""
    generator = np.random.default_rng(seed)
    labels = {sources[0]: ("tb", "normal", "other"), sources[1]: ("tb",), sources[2]: ("normal",)}
    films, parts, scores = [], [], []
    for number in range(600):
        source = sources[number % 3]
        label = str(generator.choice(labels[source]))
        part = ("train", "train", "validation", "test")[number // 3 % 4]
        known = {
            "sex": str(generator.choice(["M", "F"])),
            "age": int(generator.integers(5, 90)),
            "view": "PA",
        }
        films.append(film(number, label, source, **(known if number % 2 else {})))
        parts.append(part)
        logit = generator.normal() + {"tb": 1.5, "normal": -1.5, "other": -0.5}[label]
        scores.append(np.nan if part == "train" else 1 / (1 + np.exp(-logit)))
    return gather(films, parts, scores)


def evaluate_drawn(films: ScoredFilms) -> Evaluation:
    """Return an evaluation with operating points of the validation films and a baseline that is none."""
    chosen = films.select_part("validation")
    baseline = np.random.default_rng(5).random(len(films))
    points = choose_operating_points(chosen.is_tb, chosen.scores)
    return evaluate(films, points, CALIBRATION, {"coin": baseline})


def facts(**changes: object) -> ReportFacts:
    """Return facts of a model that never was."""
    started = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    known: dict[str, object] = {
        "title": "A model that never was",
        "name": "tbscreen-test",
        "version": "1.2.3",
        "architecture": "default",
        "weights": 3_371_233,
        "command": "tbscreen retrain films --seed 7",
        "seed": 7,
        "started": started,
        "finished": started + timedelta(hours=1, minutes=2, seconds=3),
        "machine": "two processors",
        "versions": {"keras": "3.11.0", "alpha": "1"},
        "credits": ("A hospital (Somebody 2014)",),
        "notes": ("Trained with `care`.",),
        "tables": (TextTable("Heat", ("figure", "value"), (("pointing", "0.81 (0.77–0.85)"),), "Note."),),
    }
    return ReportFacts(**{**known, **changes})  # type: ignore[arg-type]
