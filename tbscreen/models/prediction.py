"""Scores for files on disk: PNG, JPEG and DICOM, without PACS, broker or database.

DICOM files go the gateway's way: judged by the same rules, decoded and normalized by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from dicom_gateway.settings import GatewaySettings
from domain.array.normalization import SPEC
from domain.bundle.bundle import Bundle
from domain.bundle.tb_score import rate
from domain.bundle.triage import triage
from domain.errors import PermanentError
from tbscreen.models.default_bundle import find_shipped_seal
from tbscreen.models.prepared_file import PreparedFile, read_file
from worker.prepared_network import find_prepared
from worker.screening_network import ScreeningNetwork
from worker.settings import WorkerSettings

BATCH: Final = 8
MOST_HELD_BACK: Final = 64
"""Most records that wait for a batch: broken files fill none."""
FEW: Final = 64
"""Most files that Keras scores in less time than the conversion of its network for OpenVINO takes."""


def predict(
    paths: Iterable[Path],
    bundle: Bundle,
    settings: GatewaySettings,
    graphs: Path | None = None,
    host: WorkerSettings | None = None,
    announce: Callable[[], None] = lambda: None,
) -> Iterator[dict[str, Any]]:
    """Yield one record per file, in order, as soon as its batch is through.

    A record has `file`, `probability` (of tuberculosis, calibrated, 0..1), `finding`, `score`, `priority`,
    `doubts`, `observations`, `model`, `trained`, `tb_score` (0..100, None for an untrained bundle); or `file`
    and `error`, with `refusal` where a rule decided.
    The names are those of `tbscreen worklist --json`; `Probability` and `Disease` repeat two of them for
    programs of the tutorial.

    Args:
        paths: PNG, JPEG and DICOM files.
        bundle: verified; its network is loaded for the first file that it can score.
        settings: the site's rules.
        graphs: folder of the networks that this host has prepared for OpenVINO, if it has one.
        host: runtime and precision of this host's workers, which hold for its prepared networks.
        announce: called before the seconds in which the network is loaded.

    Raises:
        PermanentError: when the bundle cannot be loaded, or wants another normalization.
    """
    if bundle.manifest.normalization["version"] != SPEC.version:
        wanted = bundle.manifest.normalization["version"]
        raise PermanentError(
            f"{bundle.directory} wants arrays of {wanted}, this version makes {SPEC.version}"
        )
    files = list(paths)

    @cache
    def open_network() -> ScreeningNetwork:
        announce()
        return _open(bundle, graphs, host or WorkerSettings(), is_few=len(files) <= FEW)

    batch: list[PreparedFile] = []
    for path in files:
        batch.append(read_file(path, settings))
        if sum(file.array is not None for file in batch) == BATCH or len(batch) == MOST_HELD_BACK:
            yield from _score(batch, bundle, open_network)
            batch = []
    yield from _score(batch, bundle, open_network)


def _open(bundle: Bundle, graphs: Path | None, host: WorkerSettings, *, is_few: bool) -> ScreeningNetwork:
    """Load the graph that a worker of this host has made, with the worker's scores; else the network.

    It computes in float32 then, so that a file has the same score on every machine, alone and among others.
    """
    seal = find_shipped_seal(bundle.digest)
    if graphs is not None:
        golden_scores = seal.golden_scores if seal else ()
        prepared = find_prepared(bundle, graphs, host.runtime, host.precision, golden_scores)
        if prepared is not None:
            return prepared
    from worker.predictor import Predictor

    return Predictor(bundle, runtime="keras" if is_few else host.runtime, precision="float32")


def _score(
    batch: Sequence[PreparedFile], bundle: Bundle, open_network: Callable[[], ScreeningNetwork]
) -> Iterator[dict[str, Any]]:
    arrays = [file.array for file in batch if file.array is not None]
    scores = iter(open_network().predict(np.stack(arrays))) if arrays else iter(())
    manifest = bundle.manifest
    points = manifest.model_dump(mode="json", include={"trained", "operating_points"})
    for file in batch:
        if file.array is None:
            yield {"file": file.file, "error": file.error, "refusal": file.refusal}
            continue
        verdict = triage(float(next(scores)), manifest, manifest.reported_operating_point, file.doubts)
        yield {
            "file": file.file,
            "probability": round(verdict.probability, 6),
            "finding": verdict.finding.value,
            "Probability": round(verdict.probability, 6),
            "Disease": verdict.finding.value,
            "score": round(verdict.score, 6),
            "priority": verdict.priority.value,
            "doubts": [doubt.value for doubt in file.doubts],
            "observations": [observation.value for observation in file.observations],
            "model": f"{manifest.name} {manifest.version}",
            "trained": manifest.trained,
            "tb_score": rate(verdict.score, verdict.threshold, points),
        }
