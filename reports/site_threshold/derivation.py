"""Choice of a site's own threshold on its radiologists' reads.

The thresholds are chosen on all read studies. A threshold looks too good on the studies that it was chosen
on, so sensitivity and specificity are out of fold: each fifth of the studies is measured with thresholds
chosen on the other four. The intervals are Wilson's over all folds; they ignore the variance of the threshold
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import literal
from sqlalchemy.orm import Session

from db.counts import read_films
from db.counts.read_films import ReadFilm
from db.models.site_thresholds import NAME
from db.tables import Model
from domain.bundle.calibration import restate
from domain.bundle.manifest import Manifest, OperatingPoint
from domain.codes import Verdict
from domain.errors import PermanentError
from judging.operating_points import choose_operating_points
from judging.statistics import measure_auc, measure_proportion
from reports.agreement import compute_curve, is_positive, is_tb, keep_worst
from reports.period import Period
from reports.site_threshold.record import Row, SiteThresholdRecord

FEWEST_TB: Final = 60
"""Minimum number of reads as TB: with 60, a sensitivity of 0.90 has an interval from 0.80 to 0.95."""
FEWEST_NOT_TB: Final = 100
"""Minimum number of reads as not TB: with 100, a specificity of 0.70 has an interval from 0.60 to 0.78."""
FOLDS: Final = 5
UNEVEN: Final = 0.10
"""Allowed difference between the shares of positives and of negatives that were read."""
AGE_BANDS: Final = ((15, 24), (25, 44), (45, 64), (65, 130))
OLDEST_BAND: Final = 65

Mask = NDArray[np.bool_]


def derive(session: Session, digest: str, period: Period, prevalence: float | None) -> SiteThresholdRecord:
    """Derive a site's operating points for one bundle from the reads of a period.

    Args:
        session: a read session.
        digest: digest of the bundle.
        period: period of the films.
        prevalence: prevalence among people screened at the site, for which the probabilities are restated;
            None keeps the calibration of the bundle.

    Raises:
        PermanentError: when the bundle is not trained or not calibrated, or when there are too few reads.
    """
    manifest = Manifest.model_validate(session.get_one(Model, digest).manifest)
    if not manifest.trained:
        raise PermanentError("this bundle is not trained, so its scores mean nothing and need no threshold")
    calibration = None if prevalence is None else restate(manifest.calibration, prevalence)
    span = period.to_span()
    films = read_films.stream_read_films(session, span, literal("all"))
    return choose_site_threshold(
        [film for film in films if film.digest == digest],
        read_films.count_screened_by_side(session, span, digest),
        manifest,
        period,
        None if calibration is None else calibration.model_dump(mode="json"),
    )


def choose_site_threshold(
    films: Sequence[ReadFilm],
    screened: dict[bool, int],
    manifest: Manifest,
    period: Period,
    calibration: dict[str, Any] | None = None,
) -> SiteThresholdRecord:
    """Choose the site's own operating points on its reads.

    Args:
        films: read films of the period that the bundle screened.
        screened: number of studies that the bundle screened in the period: True for those at or above the
            operating point of their screening, False for the others.
        manifest: manifest of the bundle.
        period: period of the films.
        calibration: calibration as in a manifest, restated for the site's prevalence; None keeps the
            bundle's.

    Raises:
        PermanentError: with too few reads of a kind.
    """
    studies = sorted(keep_worst(films), key=lambda study: study.study_id)
    sure = [study for study in studies if study.verdict is not Verdict.UNSURE]
    truth = np.array([is_tb(study) for study in sure], dtype=bool)
    scores = np.array([study.score for study in sure], dtype=np.float64)
    _check_enough(int(truth.sum()), int((~truth).sum()))
    points = {point.name: point for point in choose_operating_points(truth, scores)}
    screening, rule_in = _judge_out_of_fold(truth, scores)
    alarms, hits = compute_curve(truth, scores)
    held = np.array([is_positive(study) for study in sure], dtype=bool)
    own = points["screening"].model_copy(update={"name": NAME})
    return SiteThresholdRecord(
        bundle=f"{manifest.name} {manifest.version}",
        first=period.first,
        last=period.last,
        timezone=period.timezone,
        operating_points=(*points.values(), OperatingPoint.model_construct(**own.model_dump())),
        calibration=calibration,
        prevalence=None if calibration is None else calibration["prevalence"],
        screened=sum(screened.values()),
        read=len(studies),
        unsure=len(studies) - len(sure),
        auc=measure_auc(truth, scores),
        alarms=tuple(alarms.tolist()),
        hits=tuple(hits.tolist()),
        before=_measure("until now", truth, held),
        after=_measure("new", truth, screening),
        rule_in=_measure("rule-in", truth, rule_in),
        subgroups={
            name: _measure_by(sure, truth, screening, group)
            for name, group in (
                ("age", _name_age),
                ("sex", _name_sex),
                ("station", lambda study: study.station),
            )
        },
        warnings=tuple(_warn(studies, screened)),
    )


def _check_enough(tb: int, not_tb: int) -> None:
    missing = []
    if tb < FEWEST_TB:
        missing.append(f"{FEWEST_TB - tb} more read as TB")
    if not_tb < FEWEST_NOT_TB:
        missing.append(f"{FEWEST_NOT_TB - not_tb} more read as not TB")
    if missing:
        raise PermanentError(
            f"too few reads of this bundle's films: {tb} studies read as TB and {not_tb} as not TB; "
            f"{FEWEST_TB} and {FEWEST_NOT_TB} are needed: {' and '.join(missing)}"
        )


def _judge_out_of_fold(truth: Mask, scores: NDArray[np.float64]) -> tuple[Mask, Mask]:
    """Return masks of studies positive at screening and at rule-in, by thresholds of the other folds."""
    fold = np.empty(len(truth), dtype=int)
    for of_class in (truth, ~truth):
        fold[of_class] = np.arange(of_class.sum()) % FOLDS
    screening, rule_in = np.zeros(len(truth), dtype=bool), np.zeros(len(truth), dtype=bool)
    for number in range(FOLDS):
        here = fold == number
        points = {point.name: point for point in choose_operating_points(truth[~here], scores[~here])}
        screening[here] = scores[here] >= points["screening"].threshold
        rule_in[here] = scores[here] >= points["rule_in"].threshold
    return screening, rule_in


def _measure(name: str, truth: Mask, positive: Mask) -> Row:
    tb, not_tb = int(truth.sum()), int((~truth).sum())
    return Row(
        name=name,
        tb=tb,
        not_tb=not_tb,
        sensitivity=measure_proportion(int((truth & positive).sum()), tb),
        specificity=measure_proportion(int((~truth & ~positive).sum()), not_tb),
    )


def _measure_by(
    studies: Sequence[ReadFilm], truth: Mask, positive: Mask, group: Callable[[ReadFilm], str]
) -> tuple[Row, ...]:
    names = np.array([group(study) for study in studies])
    return tuple(
        _measure(str(name), truth[names == name], positive[names == name]) for name in np.unique(names)
    )


def _name_age(film: ReadFilm) -> str:
    if film.age_years is None:
        return "not known"
    for first, last in AGE_BANDS:
        if first <= film.age_years <= last:
            return f"{first} and older" if first == OLDEST_BAND else f"{first} to {last}"
    return "under 15"


def _name_sex(film: ReadFilm) -> str:
    return film.sex if film.sex in ("F", "M") else "not known"


def _warn(studies: Sequence[ReadFilm], screened: dict[bool, int]) -> list[str]:
    """Return the known weaknesses of these reads as a reference."""
    warnings = [
        "A read is a radiologist's opinion and no proof of tuberculosis; the reader may have seen the score, "
        "which increases the agreement of model and reader."
    ]
    read = {positive: sum(is_positive(study) is positive for study in studies) for positive in (True, False)}
    shares = {key: read[key] / screened[key] if screened[key] else 0.0 for key in read}
    if abs(shares[True] - shares[False]) > UNEVEN:
        warnings.append(
            f"{shares[True]:.0%} of the positives and {shares[False]:.0%} of the negatives were read. "
            "More reads of positives raise the measured sensitivity and lower the specificity; more reads of "
            "negatives do the reverse. Read a random sample of both, and calibrate again."
        )
    return warnings
