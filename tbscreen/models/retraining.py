"""A run of `tbscreen retrain`: files in, bundle folder out, messages on the way.

Keras, scikit-learn and the drawing of figures load when nothing is left to be refused.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from dicom_gateway.dataset_header import read_dataset
from domain.bundle.bundle import Bundle
from domain.bundle.seal import locate_seal, write_seal
from domain.dicom_file import find_start
from domain.errors import PermanentError
from domain.notices import NOTICE
from domain.patient_identity import fold_patient_id
from tbscreen.models.prepared_file import name_reader, read_labelled
from tbscreen.models.registration import make_seal
from tbscreen.settings import Settings
from tbscreen.terminal.training_progress import TrainingProgress
from training.films.film_index import FilmIndex, LabelsFrom, ProblemKind, index_films
from training.films.film_store import FilmStore
from training.films.labelled_film import LabelledFilm
from training.judging.comparison import FEWEST, read_seen
from training.retrain_settings import RetrainSettings
from training.run_checks import Group, check_groups, divide
from training.writing.naming import REPORT, Naming

if TYPE_CHECKING:
    from judging.statistics import Estimate
    from training.judging.evaluation import Evaluation
    from training.judging.verdict import Verdict

SHOWN_PROBLEMS: Final = 20
MOST_NAMED: Final = 3
"""Most files that the next commands name."""
FEW: Final = 1000
"""Films below which a training from ImageNet's weights is advised against: with 300, the trivial baselines
were better."""
UNLABELLED: Final = (
    "Give labels by --labels FILE, by folders called tb and normal, or by names like name_0001_1.png"
)
STOPPING: Final = (
    ProblemKind.UNLABELLED,
    ProblemKind.UNREADABLE,
    ProblemKind.CONFLICTING,
    ProblemKind.MISSING,
)


class ThresholdsFrom(StrEnum):
    """Films that calibrate and choose the operating points."""

    VALIDATION = "validation"
    LEFT_OUT = "left-out"


@dataclass(frozen=True)
class Order:
    """Request of the command line."""

    images: Sequence[str]
    labels: Path | None
    labels_from: LabelsFrom
    skip_bad: bool
    settings: RetrainSettings
    out: Path
    naming: Naming
    with_films: bool
    thresholds_from: ThresholdsFrom = ThresholdsFrom.VALIDATION
    leave_out: tuple[Group, ...] = ()
    """Groups for `LEFT_OUT`; empty: each source is a group."""


def carry_out(order: Order, settings: Settings, console: Console) -> Bundle:
    """Index, train, judge and write; returns the new bundle.

    Raises:
        PermanentError: when files are bad and `skip_bad` does not hold, or the folder is taken.
    """
    if order.out.exists() and (not order.out.is_dir() or any(order.out.iterdir())):
        raise PermanentError(f"{order.out} exists and is not empty: name another folder with --out")
    with TrainingProgress(console) as progress:
        progress.begin("reading films")
        index = index_films(
            order.images,
            order.settings.cache,
            order.labels,
            order.labels_from,
            lambda path: read_labelled(path, settings.gateway),
            progress.advance,
            reader_name=name_reader(settings.gateway),
        )
        index = replace(index, films=tuple(_find_patient(film) for film in index.films))
        _show_index(index, console)
        _check_problems(index, order.skip_bad)
        for line in _advise(order, index.films):
            console.print(f"advice: {line}", highlight=False, markup=False, soft_wrap=True)
        chosen = replace(order.settings, left_out=_find_groups(order, index.films))
        divide(index.films, chosen)  # before the seconds in which Keras loads
        from training.retrain import retrain
        from training.writing.retrained_bundle import write_retrained

        retrained = retrain(index.films, index.store, chosen, progress)
        progress.begin("writing bundle and report")
        shown = index.store if order.with_films else None
        bundle = write_retrained(order.out, retrained, chosen, order.naming, shown)
        progress.begin("scoring golden arrays")
        seal = locate_seal(order.out)
        seal.unlink(missing_ok=True)  # of a bundle that was in this folder before
        write_seal(seal, make_seal(order.out))
        shutil.rmtree(retrained.state, ignore_errors=True)
    few = order.images if len(order.images) <= MOST_NAMED else ["FILMS"]
    show_result(retrained.evaluation, retrained.verdict, bundle, few, order.labels, console)
    return bundle


def _find_groups(order: Order, films: Sequence[LabelledFilm]) -> tuple[Group, ...]:
    """Return the groups to leave out, checked before any training."""
    if order.thresholds_from is ThresholdsFrom.VALIDATION:
        return ()
    held_out = order.settings.hold_out
    groups = order.leave_out or tuple(
        (source,) for source in sorted({film.source for film in films}) if source not in held_out
    )
    check_groups(films, groups)
    return groups


def score_unseen(bundle: Bundle) -> Callable[[FilmStore, Sequence[int]], list[float]]:
    """Return a function that loads a bundle and scores test films, for `RetrainSettings.reference`.

    It computes in float32, as the network of the run is evaluated: on thousands of films the rounding of
    bfloat16 is a difference beyond chance. A film that trained or validated the bundle gets NaN: its score
    says nothing.
    """

    def score(store: FilmStore, positions: Sequence[int]) -> list[float]:
        from worker.predictor import Predictor

        seen = read_seen(bundle)
        places = [place for place, position in enumerate(positions) if store.digests[position] not in seen]
        scores = [float("nan")] * len(positions)
        predictor = Predictor(bundle, precision="float32") if places else None
        for first in range(0, len(places), 32):
            here = places[first : first + 32]
            assert predictor is not None
            predicted = predictor.predict(store.read([positions[place] for place in here])).tolist()
            for place, value in zip(here, predicted, strict=True):
                scores[place] = value
        return scores

    return score


def _find_patient(film: LabelledFilm) -> LabelledFilm:
    """Take the patient of a DICOM film from its header where no CSV names one: films are split by patient."""
    if film.patient is not None or find_start(film.path) is None:
        return film
    header = read_dataset(film.path, with_pixels=False)
    return replace(film, patient=fold_patient_id(str(header.get("PatientID", ""))) or None)


def _show_index(index: FilmIndex, console: Console) -> None:
    table = Table("source", "TB", "normal", "other ill", box=None, pad_edge=False)
    for source in sorted({film.source for film in index.films}):
        labels = [film.label.value for film in index.films if film.source == source]
        table.add_row(source, *(str(labels.count(label) or "") for label in ("tb", "normal", "other")))
    unlisted = index.count_problems().get(ProblemKind.UNLISTED, 0)
    rest = f"; {unlisted} more files that it does not list" if unlisted else ""
    console.print(f"{len(index.films)} films, labels from {index.labels_from.value}{rest}", highlight=False)
    console.print(table)
    problems = [problem for problem in index.problems if problem.kind is not ProblemKind.UNLISTED]
    for problem in problems[:SHOWN_PROBLEMS]:
        console.print(
            f"  {problem.kind.value}: {problem.path}: {problem.reason}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    if len(problems) > SHOWN_PROBLEMS:
        console.print(f"  and {len(problems) - SHOWN_PROBLEMS} more", highlight=False)


def _check_problems(index: FilmIndex, skip_bad: bool) -> None:
    counts = {kind: count for kind, count in index.count_problems().items() if kind in STOPPING}
    if counts and not skip_bad:
        said = ", ".join(f"{count} {kind.value}" for kind, count in counts.items())
        mend = "Repair them, or leave them out with --skip-bad" if index.films else UNLABELLED
        raise PermanentError(f"files that cannot be used: {said}. {mend}")


def _advise(order: Order, films: Sequence[LabelledFilm]) -> list[str]:
    """Return advice on few films, before hours of training."""
    lines, settings = [], order.settings
    if len(films) < FEW and settings.go_on:
        lines.append(f"{len(films)} films are few to train a network anew; {settings.go_on}")
    tb = sum(film.label.is_tb for film in films)
    fewer = min(tb, len(films) - tb)
    if not settings.hold_out and fewer * settings.test_share < FEWEST:
        lines.append(
            f"about {fewer * settings.test_share:.0f} test films of a class will not tell how good it is: "
            f"{FEWEST} with TB and {FEWEST} without are needed, as by a larger --test-share"
        )
    if settings.prevalence is None and films:
        lines.append(
            f"percentages will hold where {tb / len(films):.0%} have TB, as in these films: --prevalence "
            "gives the share among the people who will be screened"
        )
    return lines


def show_result(
    evaluation: Evaluation,
    verdict: Verdict,
    bundle: Bundle,
    images: Sequence[str],
    labels: Path | None,
    console: Console,
) -> None:
    """Show figures and verdict, and the next commands unless the model is not to be used.

    Args:
        evaluation: of the test films.
        verdict: on them.
        bundle: the new one.
        images: what the commands name as films.
        labels: their CSV.
        console: for the output.
    """
    from training.judging.verdict import Advice

    def write(estimate: Estimate | None) -> str:
        return "" if estimate is None else f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"

    table = Table(
        "test films", "TB", "not TB", "AUC (95 %)", "best trivial baseline", box=None, pad_edge=False
    )
    for row in (*evaluation.sources, evaluation.overall):
        if row.auc is not None:
            trivial = max(row.baselines.values(), key=lambda auc: auc.value, default=None)
            table.add_row(row.name, str(row.tb), str(row.not_tb), write(row.auc), write(trivial))
    console.print(table)
    console.print(f"verdict: {verdict.sentence}", highlight=False, markup=False, soft_wrap=True)
    for point in evaluation.operating_points:
        if point.name in ("screening", "rule_in"):
            sensitivity, specificity = write(point.sensitivity), write(point.specificity)
            line = f"{point.name}: sensitivity {sensitivity}, specificity {specificity}"
            console.print(line, highlight=False, soft_wrap=True)
    console.print(f"\n{NOTICE}", highlight=False, markup=False)
    console.print(f"bundle  {bundle.directory}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"report  {bundle.directory / REPORT}", highlight=False, markup=False, soft_wrap=True)
    if verdict.advice is Advice.REJECT:
        return
    short, films = bundle.digest[:12], shlex.join(images)
    labelled = "" if labels is None else f" --labels {shlex.quote(str(labels))}"
    console.print("next", highlight=False)
    for command in (
        f"models seal {shlex.quote(str(bundle.directory))} --key FILE",
        f'models add {shlex.quote(str(bundle.directory))}  # without a key: --trust "REASON"',
        f"models compare {short} active {films}{labelled}  # of them, those that neither was fitted to",
        f"models activate {short}",
    ):
        console.print(f"  tbscreen {command}", highlight=False, markup=False, soft_wrap=True)
