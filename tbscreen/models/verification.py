"""A screened film computed again: its array from the file, its score from the array with its bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.database import Database
from db.models import admissions
from db.tables import Instance, Screening
from dicom_gateway.preparation.film_preparation import measure_greys
from dicom_gateway.settings import spool_directory
from domain.bundle.seal import allow_difference
from domain.errors import PermanentError
from tbscreen.models.prepared_file import read_file
from tbscreen.settings import Settings
from worker.bundle_cache import BundleCache
from worker.predictor import Predictor
from worker.settings import Precision, RuntimeName, bundle_cache_directory

_Recorded: Final = TypeAdapter[RuntimeName](RuntimeName)
_Precision: Final = TypeAdapter[Precision](Precision)

GREYS: Final = 1e-5
"""Allowed difference of an array's statistics."""


@dataclass(frozen=True)
class RecordedScreening:
    """The values of a screening that are computed again."""

    bundle_digest: str
    score: float
    runtime: RuntimeName
    precision: Precision
    """Both `auto` where they were not recorded."""
    mean: float | None
    deviation: float | None
    calling_ae_title: str
    gateway: str
    spool_path: str | None


@dataclass(frozen=True)
class Verification:
    """A screening and what it is when it is computed again."""

    sop_instance_uid: str
    file: str
    bundle_digest: str
    recorded_score: float
    computed_score: float
    allowed: float
    """Allowed difference of the scores."""
    runtime: str
    """Runtime and precision that computed it again."""
    array_differs: bool
    """True when mean or standard deviation of the array are not those that were recorded."""

    @property
    def difference(self) -> float:
        """Distance of the scores."""
        return abs(self.recorded_score - self.computed_score)

    @property
    def is_same(self) -> bool:
        """True when neither array nor score differ by more than is allowed."""
        return not self.array_differs and self.difference <= self.allowed

    def describe(self) -> str:
        """Return one sentence."""
        scores = (
            f"score {self.recorded_score:.6f} recorded, {self.computed_score:.6f} computed by "
            f"{self.runtime}, {self.allowed:g} allowed"
        )
        if self.is_same:
            return f"the same: {scores}"
        if self.array_differs:
            return f"the array differs: the file holds other pixels, or another version prepared it; {scores}"
        return f"the score differs: {scores}"


def find_recorded(session: Session, sop_instance_uid: str) -> RecordedScreening:
    """Return the newest screening of a film.

    Raises:
        PermanentError: when it was not screened.
    """
    row = session.execute(
        select(Instance, Screening)
        .join(Screening, Screening.instance_id == Instance.id)
        .where(Instance.sop_instance_uid == sop_instance_uid)
        .order_by(Instance.current.desc(), Instance.revision.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise PermanentError("this film was not screened, so there is nothing to verify")
    film, screening = row.tuple()
    return RecordedScreening(
        screening.bundle_digest,
        screening.score,
        _Recorded.validate_python(screening.runtime or "auto"),
        _Precision.validate_python(screening.precision or "auto"),
        film.array_mean,
        film.array_deviation,
        film.calling_ae_title,
        film.gateway,
        film.spool_path,
    )


def verify(
    database: Database, settings: Settings, sop_instance_uid: str, file: Path | None = None
) -> Verification:
    """Compute a film's array and score again, with the bundle that was pinned for it.

    The runtime and precision are those of the screening, as far as this machine has them; then scores in
    float32 are exact, and others within the tolerance that each runtime is admitted with.

    Args:
        database: with the film.
        settings: of this installation.
        sop_instance_uid: the film.
        file: its DICOM file; None: the one in this gateway's spool.

    Raises:
        PermanentError: when it was not screened, when there is no file, when it cannot be decoded, or when
            the bundle cannot be loaded.
    """
    with database.read() as session:
        recorded = find_recorded(session, sop_instance_uid)
        golden_scores = admissions.find_golden_scores(session, recorded.bundle_digest)
    path = file or _find_spooled(recorded, settings)
    prepared = read_file(path, settings.gateway, recorded.calling_ae_title)
    if prepared.array is None:
        raise PermanentError(f"{path}: {prepared.error}")
    bundle = BundleCache(bundle_cache_directory(settings.data_directory), database).open(
        recorded.bundle_digest
    )
    predictor = Predictor(bundle, 0, recorded.runtime, recorded.precision, golden_scores)
    score = float(predictor.predict(prepared.array[np.newaxis])[0])
    greys = measure_greys(prepared.array)
    pairs = ((recorded.mean, greys.mean), (recorded.deviation, greys.deviation))
    ways = (recorded.runtime, recorded.precision), (predictor.runtime_name, predictor.precision)
    return Verification(
        sop_instance_uid,
        str(path),
        recorded.bundle_digest,
        recorded.score,
        score,
        allow_difference(*ways),
        predictor.runtime,
        any(kept is not None and abs(kept - again) > GREYS for kept, again in pairs),
    )


def _find_spooled(recorded: RecordedScreening, settings: Settings) -> Path:
    if recorded.spool_path is None:
        raise PermanentError(
            "the spool has this film no more: fetch it from the PACS and name it with --file"
        )
    path = spool_directory(settings.data_directory) / recorded.spool_path
    if not path.is_file():
        raise PermanentError(
            f"its file is in the spool of gateway {recorded.gateway}: run this there, or name it with --file"
        )
    return path
