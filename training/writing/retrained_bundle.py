"""The bundle of a training run: graph, weights, manifest, films.csv, report and model card."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from domain.array.normalization import SPEC
from domain.bundle.bundle import Bundle, write_bundle
from domain.regions import CUT_OFF
from figures.text_table import TextTable
from judging.statistics import Estimate
from training.films.film_store import FilmStore
from training.judging.comparison import FILMS
from training.judging.heat_maps import HeatFigures
from training.judging.region_figures import RegionFigures
from training.retrain import Retrained
from training.retrain_settings import RetrainSettings
from training.writing.left_out_tables import tabulate_left_out, write_points
from training.writing.model_card import write_model_card
from training.writing.naming import REPORT, Naming
from training.writing.report import write_report
from training.writing.report_facts import ReportFacts
from training.writing.worst_films import draw_worst

MODEL_CARD: Final = "model_card.md"
LIBRARIES: Final = (
    "tbscreen",
    "keras",
    "tensorflow-cpu",
    "tensorflow",
    "jax",
    "torch",
    "numpy",
    "scikit-learn",
)


def write_retrained(
    directory: Path,
    retrained: Retrained,
    settings: RetrainSettings,
    naming: Naming,
    films_from: FilmStore | None = None,
) -> Bundle:
    """Write bundle, report and model card into a new folder.

    Args:
        directory: folder to create; it must be absent or empty.
        retrained: result of `training.retrain.retrain`.
        settings: settings of the run.
        naming: name, version and facts for the report.
        films_from: source of pictures of the worst errors; None: the report shows no films.
    """
    facts = _gather_facts(retrained, settings, naming)
    evaluation = retrained.evaluation
    pictures = () if films_from is None else draw_worst(retrained, films_from)
    history = [
        {"epoch": result.epoch, "loss": result.loss, "validation_auc": result.validation_auc}
        for result in retrained.history
    ]
    films_csv = retrained.scored.to_csv().encode()
    files = {
        **retrained.network.to_files(),
        FILMS: films_csv,
        REPORT: write_report(evaluation, retrained.scored, history, facts, pictures),
        MODEL_CARD: write_model_card(evaluation, facts).encode(),
    }
    metrics = evaluation.model_dump(mode="json")
    if retrained.heat is not None:
        metrics["heat"] = retrained.heat.model_dump()
    if retrained.regions is not None:
        metrics["regions"] = retrained.regions.model_dump()
    if retrained.left_out is not None:
        metrics["left_out"] = retrained.left_out.model_dump(mode="json", exclude={"rows"})
    manifest: dict[str, Any] = {
        "format": 1,
        "name": naming.name,
        "version": naming.version,
        "architecture": settings.architecture.value,
        "trained": True,
        "finding": "TBCXR",
        "normalization": SPEC.to_manifest(),
        "operating_points": [point.model_dump() for point in retrained.points],
        "reported_operating_point": "screening",
        "calibration": retrained.calibration.calibration.model_dump(),
        "metrics": metrics,
        "training_data": {
            "films": _count_films(retrained),
            "fingerprint": hashlib.sha256(films_csv).hexdigest(),
            "seed": settings.seed,
            "hold_out": list(settings.hold_out),
            "left_out": [list(group) for group in settings.left_out],
            "epochs": len(retrained.history),
            "precision": retrained.precision.value,
            **({"weights_of": settings.start.digest} if settings.start and settings.keeps_weights else {}),
        },
        "notes": f"By {naming.command}. Research use only, not a medical device.",
    }
    return write_bundle(directory, manifest, files)


def _gather_facts(retrained: Retrained, settings: RetrainSettings, naming: Naming) -> ReportFacts:
    return ReportFacts(
        title=f"{naming.name} {naming.version}",
        name=naming.name,
        version=naming.version,
        architecture=settings.architecture.value,
        weights=retrained.network.count_weights(),
        command=naming.command,
        seed=settings.seed,
        started=retrained.started,
        finished=retrained.finished,
        machine=naming.machine,
        versions=_find_versions(),
        credits=naming.credits,
        notes=_write_notes(retrained, settings),
        verdict=retrained.verdict,
        calibration=retrained.calibration,
        tables=(
            *(() if retrained.left_out is None else tabulate_left_out(retrained.left_out)),
            *(() if retrained.heat is None else (_tabulate_heat(retrained.heat),)),
            *(() if retrained.regions is None else (_tabulate_regions(retrained.regions),)),
        ),
        point_notes=() if retrained.left_out is None else write_points(retrained.left_out),
        spreads=() if retrained.left_out is None else retrained.left_out.points,
    )


def _write_notes(retrained: Retrained, settings: RetrainSettings) -> Sequence[str]:
    notes = []
    start = "" if settings.start is None else f"the bundle {settings.start.digest[:12]}"
    if settings.keeps_weights:
        notes.append(
            f"The weights are those of {start}, and the films have the parts that they had for it; "
            "calibration and thresholds were chosen anew."
        )
    else:
        kept = [result.epoch for result in retrained.history if result.best][-1]
        minutes = sum(result.seconds for result in retrained.history) / 60
        notes.append(
            f"{len(retrained.history)} epochs, {minutes:.0f} minutes in all, of at most {settings.batch} "
            f"films a batch, computed in {retrained.precision.value}; the weights of epoch {kept} are kept."
        )
        if start:
            notes.append(f"Training started from {start}.")
    if settings.hold_out:
        notes.append(f"Sources held out completely: {', '.join(settings.hold_out)}.")
    return notes


def _write(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _tabulate_heat(heat: HeatFigures) -> TextTable:
    return TextTable(
        title="Heat maps and marked lesions",
        columns=("figure", "model", "trivial"),
        rows=(
            ("hottest cell lies in a marked box", _write(heat.pointing), _write(heat.centre_pointing)),
            ("share of heat in the boxes", f"{heat.heat_in_boxes:.2f}", f"{heat.boxes_area:.2f}"),
        ),
        note=f"{heat.films} test films with boxes. Trivial: the cell that hits most often; evenly spread "
        "heat. A cell counts as a hit when its centre is at most half a cell outside a box.",
    )


def _tabulate_regions(regions: RegionFigures) -> TextTable:
    return TextTable(
        title="Regions and marked lesions",
        columns=("figure", "model"),
        rows=(
            ("regions with half of their area in marked boxes", _write(regions.hits)),
            ("marked boxes that a region meets", _write(regions.boxes_met)),
            ("films without a region", _write(regions.films_without)),
            ("regions of a film", f"{regions.regions:.2f}"),
        ),
        note=f"{regions.films} test films with boxes and a finding that is present. Regions are outlines at "
        f"heat {CUT_OFF}, as reports show them.",
    )


def _count_films(retrained: Retrained) -> dict[str, dict[str, int]]:
    """Return the number of films by source and "label part", such as "tb train"."""
    counts: dict[str, Counter[str]] = {}
    scored = retrained.scored
    for source, label, part in zip(scored.sources, scored.labels, scored.parts, strict=True):
        counts.setdefault(str(source), Counter())[f"{label} {part}"] += 1
    return {source: dict(sorted(counter.items())) for source, counter in sorted(counts.items())}


def _find_versions() -> dict[str, str]:
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue  # a library of another backend
    return found
