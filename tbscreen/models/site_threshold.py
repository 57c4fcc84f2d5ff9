"""What a local calibration is derived from: the reads of one bundle's films in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import literal
from sqlalchemy.orm import Session

from db.figures import read_films
from db.tables import Model
from domain.bundle.bundle import Manifest
from reports.period import Period
from tbscreen.models.local_calibration import LocalCalibration, LocalCalibrationError, calibrate


def derive(session: Session, digest: str, period: Period, prevalence: float | None) -> LocalCalibration:
    """Derive a site's operating points for one bundle from the reads of a period.

    Raises:
        LocalCalibrationError: when the bundle is not trained or not calibrated, or reads are too few.
    """
    manifest = Manifest.model_validate(session.get_one(Model, digest).manifest)
    if not manifest.trained:
        raise LocalCalibrationError("this bundle is not trained: no threshold makes its scores mean anything")
    span = period.to_span()
    films = read_films.stream_read_films(session, span, literal("all"))
    return calibrate(
        [film for film in films if film.digest == digest],
        read_films.count_screened_by_side(session, span, digest),
        manifest,
        period,
        None if prevalence is None else _restate(manifest, prevalence),
    )


def _restate(manifest: Manifest, prevalence: float) -> dict[str, Any]:
    try:
        from training.judging.calibration_fit import CalibrationError, restate
    except ImportError as error:
        raise LocalCalibrationError("--prevalence needs scikit-learn: install tbscreen[training]") from error
    try:
        return restate(manifest.calibration, prevalence).model_dump(mode="json")
    except CalibrationError as error:
        raise LocalCalibrationError(str(error)) from error
