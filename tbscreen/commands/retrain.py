"""The command `tbscreen retrain`: labelled images to a bundle with its report, offline."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer
from rich.console import Console

from tbscreen.terminal.invocation import fail, prepare

if TYPE_CHECKING:
    from training.judging.evaluation import Row

SHIPPED: Final = "shipped"
"""Word for the bundle that comes with tbscreen."""
MOST_NAMED: Final = 3
"""Most files that a command names when it is shown."""
PRECISIONS: Final = ("auto", "float32", "bfloat16")
"""Words of `training.learning.precision.Precision`, whose module loads Keras."""

Choice = TypeVar("Choice", bound=StrEnum)


def retrain_model(
    images: Annotated[
        list[str], typer.Argument(help="PNG, JPEG and DICOM: files, folders, globs.", show_default=False)
    ],
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV with the columns file and label; patient, source, view, sex, age."),
    ] = None,
    labels_from: Annotated[
        str, typer.Option(help="auto, csv, folders (…/tb/…, …/normal/…) or names (name_0001_1.png).")
    ] = "auto",
    architecture: Annotated[str, typer.Option(help="default, scratch or vgg16.")] = "default",
    start: Annotated[
        str | None,
        typer.Option("--from", help=f"Bundle to go on from: a folder, or {SHIPPED}.", metavar="BUNDLE"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The bundle's new folder.")] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Largest number of epochs; 6 by default, 30 for scratch, 15 for vgg16. 0 keeps the weights "
            "of --from: calibration and thresholds are chosen anew, with --thresholds-from left-out.",
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=1024)] = 32,
    seed: Annotated[int, typer.Option(min=0, help="Of the split and the training.")] = 42,
    learning_rate: Annotated[float | None, typer.Option(min=1e-8, max=1.0)] = None,
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    hold_out: Annotated[
        list[str] | None, typer.Option(help="A source that only tests. May be repeated.", metavar="SOURCE")
    ] = None,
    test_share: Annotated[float, typer.Option(min=0.0, max=0.9, help="0 where --hold-out tests.")] = 0.2,
    validation_share: Annotated[
        float,
        typer.Option(
            min=0.0, max=0.9, help="Of the films that do not test; 0 only with --thresholds-from left-out."
        ),
    ] = 0.2,
    thresholds_from: Annotated[
        str,
        typer.Option(
            help="validation, or left-out: thresholds and calibration from hospitals that the scoring "
            "network did not see; trains once more for each group of --leave-out."
        ),
    ] = "validation",
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            help="Sources to leave out together, with commas; may be repeated. Each source by itself if not "
            "said.",
            metavar="SOURCES",
        ),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(
            min=0.0001,
            max=0.9999,
            help="Share of TB among those who will be screened; as in the films if left out.",
        ),
    ] = None,
    pretrained: Annotated[
        Path | None, typer.Option(help="Weights to begin with, for default and vgg16.", metavar="FILE")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="A bundle to compare with on the test films; the shipped one if not said.", metavar="BUNDLE"
        ),
    ] = None,
    unseen: Annotated[
        list[Path] | None,
        typer.Option(
            help="A bundle made with --hold-out, whose figures the report shows as well. May be repeated.",
            metavar="BUNDLE",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="The bundle's name.")] = "tbscreen",
    version: Annotated[str | None, typer.Option(help="Its version; the present time if not said.")] = None,
    credits_file: Annotated[
        Path | None, typer.Option("--credits", help="Text for the model card: whose films, a line each.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Go on without unreadable, unlabelled and conflicting files.")
    ] = False,
    with_films: Annotated[
        bool, typer.Option("--with-films", help="Show the worst errors in the report: pictures of patients.")
    ] = False,
    cache: Annotated[
        Path | None, typer.Option(help="For arrays and the state of a run; the data directory if not said.")
    ] = None,
) -> None:
    """Train a model on labelled images, judge it, and write it as a bundle with its report.

    The films are split by patient: a fifth tests, a fifth of the rest validates. Started again after a kill,
    it goes on where it was; scores of left-out hospitals are kept and reused.
    """
    settings = prepare("retrain", reads_dicom=True)
    _require_libraries()
    from domain.bundle.bundle import open_bundle
    from domain.bundle.manifest import WEIGHTS
    from tbscreen.machine import describe_machine
    from tbscreen.models.default_bundle import DEFAULT_BUNDLE
    from tbscreen.models.retraining import Order, ThresholdsFrom, carry_out, score_unseen
    from training.films.film_index import LabelsFrom
    from training.learning.recipe import Architecture
    from training.retrain_settings import RetrainSettings
    from training.writing.naming import Naming

    reference = open_bundle(against or DEFAULT_BUNDLE)
    begin = None if start is None else open_bundle(DEFAULT_BUNDLE if start == SHIPPED else Path(start))
    same_weights = (
        epochs == 0
        and begin is not None
        and begin.manifest.files.get(WEIGHTS) == reference.manifest.files.get(WEIGHTS)
    )
    compared = (against is not None or reference.manifest.trained) and not same_weights
    version = version or f"{datetime.now(UTC):%Y.%m.%d.%H%M%S}"
    order = Order(
        images=images,
        labels=labels,
        labels_from=_choose("--labels-from", LabelsFrom, labels_from),
        skip_bad=skip_bad,
        settings=RetrainSettings(
            cache=cache or settings.data_directory / "training",
            architecture=_choose("--architecture", Architecture, architecture),
            start=begin,
            pretrained=pretrained,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            seed=seed,
            precision=_check_precision(precision),
            hold_out=tuple(hold_out or ()),
            test_share=test_share,
            validation_share=validation_share,
            prevalence=prevalence,
            reference=score_unseen(reference) if compared else None,
            reference_name=_name_reference(against, reference.digest),
            reference_left_out=(reference.manifest.metrics or {}).get("left_out") if compared else None,
            go_on=f"go on from the shipped model: --from {SHIPPED}"
            if begin is None and architecture == "default"
            else None,
            unseen=_read_unseen(unseen or ()),
        ),
        out=out or Path(f"{name}-{version}"),
        naming=Naming(
            name=name,
            version=version,
            command=_write_command(sys.argv[1:], images),
            machine=describe_machine(),
            credits=_read_credits(credits_file),
        ),
        with_films=with_films,
        thresholds_from=_choose("--thresholds-from", ThresholdsFrom, thresholds_from),
        leave_out=_split_groups(leave_out or (), thresholds_from),
    )
    carry_out(order, settings, Console(stderr=True))


def _write_command(words: Sequence[str], images: Sequence[str]) -> str:
    """Return the command for report and manifest; names of many films may name patients."""
    from training.films.film_files import spell

    named = [] if len(images) > MOST_NAMED else images
    kept = [spell(word) for word in words if word in named or word not in images]
    return shlex.join(["tbscreen", *kept]) + ("" if named else f"  # {len(images)} files")


def _name_reference(against: Path | None, digest: str) -> str:
    return "the shipped model" if against is None else f"bundle {digest[:12]}"


def _choose(option: str, kind: type[Choice], given: str) -> Choice:
    try:
        return kind(given)
    except ValueError:
        fail(f"{option} {given}: allowed are {', '.join(kind)}")


def _check_precision(given: str) -> str:
    if given not in PRECISIONS:
        fail(f"--precision {given}: allowed are {', '.join(PRECISIONS)}")
    return given


def _read_unseen(folders: Sequence[Path]) -> tuple[Row, ...]:
    if not folders:
        return ()
    from domain.bundle.bundle import open_bundle
    from training.judging.unseen_sources import read_unseen

    return tuple(row for folder in folders for row in read_unseen(open_bundle(folder)))


def _split_groups(given: Sequence[str], thresholds_from: str) -> tuple[tuple[str, ...], ...]:
    if given and thresholds_from != "left-out":
        fail("--leave-out serves --thresholds-from left-out: give both, or use --hold-out for a test")
    groups = tuple(tuple(source.strip() for source in group.split(",") if source.strip()) for group in given)
    if not all(groups):
        fail("--leave-out names no source")
    return groups


def _read_credits(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    return tuple(line.strip() for line in path.read_text("utf-8").splitlines() if line.strip())


def _require_libraries() -> None:
    import importlib.util

    missing = [name for name in ("sklearn", "matplotlib") if importlib.util.find_spec(name) is None]
    if missing:
        fail(f"training needs {', '.join(missing)}: pip install 'tbscreen[training]'")
