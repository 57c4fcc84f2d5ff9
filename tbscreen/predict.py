"""Scores for files on disk: PNG, JPEG and DICOM, without PACS, broker or database.

DICOM files go the gateway's way: judged by the same rules, decoded and normalized by the same code.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from db.codes import Doubt
from dicom_gateway.normalization import SPEC, FilmArray, normalize
from dicom_gateway.picture import PICTURES, read_picture
from dicom_gateway.preparation import prepare
from dicom_gateway.settings import GatewaySettings
from worker.bundle import Bundle, BundleError
from worker.predictor import Predictor
from worker.triage import triage

BATCH: Final = 8
MOST_HELD_BACK: Final = 64
"""Records of broken files do not wait for more than so many others."""


@dataclass(frozen=True)
class PreparedFile:
    """One file: its array with its doubts, or why it has none."""

    file: str
    array: FilmArray | None
    doubts: tuple[Doubt, ...] = ()
    error: str = ""
    refusal: str | None = None


def find_files(patterns: Sequence[str]) -> Iterator[Path]:
    """Yield files: those named, all below a folder, all that match a glob. Order is that of the names.

    A name that matches nothing is yielded as it is, so that it becomes a record with an error.
    """
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file())
        elif path.exists():
            yield path
        else:
            found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  Path.glob takes no absolute one
            yield from (Path(one) for one in found if Path(one).is_file())
            if not found:
                yield path


def read_file(path: Path, settings: GatewaySettings) -> PreparedFile:
    """Read one file; what is wrong with it is in the answer, not raised."""
    try:
        if path.suffix.lower() in PICTURES:
            return PreparedFile(str(path), normalize(read_picture(path)))
        if not is_dicom(path):
            return PreparedFile(str(path), None, error="neither PNG, JPEG nor DICOM")
        preparation = prepare(path, "", settings)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return PreparedFile(str(path), None, error=reason)
    if preparation.refusal is not None:
        detail = f"{preparation.refusal.value}: {preparation.detail}"
        return PreparedFile(str(path), None, error=detail, refusal=preparation.refusal.value)
    return PreparedFile(str(path), preparation.array, preparation.doubts)


def is_dicom(path: Path) -> bool:
    """True for a DICOM file (PS3.10 7.1): "DICM" after 128 bytes."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def predict(paths: Iterable[Path], bundle: Bundle, settings: GatewaySettings) -> Iterator[dict[str, Any]]:
    """Yield one record per file, in order, as soon as its batch is through.

    A record has `file`, `Probability` (of tuberculosis, calibrated, 0..1), `Disease` (the finding), `score`,
    `priority`, `doubts`, `model`, `trained`; or `file` and `error`, with `refusal` where a rule decided.

    Raises:
        worker.bundle.BundleError: when the bundle cannot be loaded, or wants another normalization.
    """
    if bundle.manifest.normalization["version"] != SPEC.version:
        wanted = bundle.manifest.normalization["version"]
        raise BundleError(f"{bundle.directory} wants arrays of {wanted}, this version makes {SPEC.version}")
    predictor = Predictor(bundle)
    batch: list[PreparedFile] = []
    for path in paths:
        batch.append(read_file(path, settings))
        if sum(one.array is not None for one in batch) == BATCH or len(batch) == MOST_HELD_BACK:
            yield from _score(batch, predictor)
            batch = []
    yield from _score(batch, predictor)


def _score(batch: Sequence[PreparedFile], predictor: Predictor) -> Iterator[dict[str, Any]]:
    arrays = [one.array for one in batch if one.array is not None]
    scores = iter(predictor.predict(np.stack(arrays))) if arrays else iter(())
    manifest = predictor.bundle.manifest
    for one in batch:
        if one.array is None:
            yield {"file": one.file, "error": one.error, "refusal": one.refusal}
            continue
        verdict = triage(float(next(scores)), manifest, manifest.reported_operating_point, one.doubts)
        yield {
            "file": one.file,
            "Probability": round(verdict.probability, 6),
            "Disease": verdict.finding.value,
            "score": round(verdict.score, 6),
            "priority": verdict.priority.value,
            "doubts": [doubt.value for doubt in one.doubts],
            "model": f"{manifest.name} {manifest.version}",
            "trained": manifest.trained,
        }
