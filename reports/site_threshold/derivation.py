"""Choice of a site's own threshold on its reads or its bacteriology.

The thresholds are chosen on all studies with a verdict. A threshold looks too good on the studies that it
was chosen on, so sensitivity and specificity are out of fold: each fifth of the studies is measured with
thresholds chosen on the other four. The intervals are Wilson's over all folds; they ignore the variance of
the threshold itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import literal
from sqlalchemy.orm import Session

from db.bacteriology.reference import find_reference
from db.calibration_study.people import EnrolledPerson
from db.counts import read_films
from db.counts.read_films import ReadFilm
from db.models.site_thresholds import NAME
from db.tables import Model
from domain.bacteriology import Truth, TruthSource
from domain.bundle.calibration import restate
from domain.bundle.manifest import Manifest, OperatingPoint
from domain.codes import Verdict
from domain.errors import PermanentError
from judging.calibration_study.accuracy import measure_rule, measure_thresholds
from judging.calibration_study.threshold_choice import ChosenThreshold, Policy
from judging.calibration_study.verified_sample import VerifiedSample
from judging.operating_points import choose_operating_points
from judging.statistics import measure_auc, measure_proportion
from reports.agreement import compute_curve, is_positive, is_tb, keep_worst
from reports.calibration_study.cell_records import list_groups, make_cell_records
from reports.calibration_study.person_cells import PersonTable, choose_cells
from reports.period import Period
from reports.person_groups import name_age, name_sex
from reports.site_threshold.record import WHO_SENSITIVITY, Row, SiteThresholdRecord
from reports.site_threshold.sheet import name_judged
from reports.truth_words import TruthWords, find_words

FEWEST_TB: Final = 60
"""Minimum number of reads as TB: with 60, a sensitivity of 0.90 has an interval from 0.80 to 0.95."""
FEWEST_NOT_TB: Final = 100
"""Minimum number of reads as not TB: with 100, a specificity of 0.70 has an interval from 0.60 to 0.78."""
FEWEST_BELOW: Final = 50
"""Minimum number of studies below the threshold in use with a bacteriology result."""
FOLDS: Final = 5
UNEVEN: Final = 0.10
"""Allowed difference between the shares of positives and of negatives that were read."""

Mask = NDArray[np.bool_]


def derive(
    session: Session,
    digest: str,
    period: Period,
    prevalence: float | None,
    truth: TruthSource = TruthSource.READS,
    *,
    by_group: bool = False,
) -> SiteThresholdRecord:
    """Derive a site's operating points for one bundle from the verdicts of a period.

    Args:
        session: a read session.
        digest: digest of the bundle.
        period: period of the films.
        prevalence: prevalence among people screened at the site, for which the probabilities are restated;
            None keeps the calibration of the bundle.
        truth: the source of the verdicts.
        by_group: choose thresholds by age and sex, too.

    Raises:
        PermanentError: when the bundle is not trained or not calibrated, or when there are too few verdicts;
            of bacteriology also, when too few studies below the threshold in use were tested.
    """
    manifest = Manifest.model_validate(session.get_one(Model, digest).manifest)
    if not manifest.trained:
        raise PermanentError("this bundle is not trained, so its scores mean nothing and need no threshold")
    calibration = None if prevalence is None else restate(manifest.calibration, prevalence)
    span = period.to_span()
    reference = find_reference(session, truth, span.start, span.end)
    films = read_films.stream_read_films(session, span, literal("all"), reference)
    return choose_site_threshold(
        [film for film in films if film.digest == digest],
        read_films.count_screened_by_side(session, span, digest),
        manifest,
        period,
        None if calibration is None else calibration.model_dump(mode="json"),
        truth,
        by_group=by_group,
    )


def choose_site_threshold(
    films: Sequence[ReadFilm],
    screened: dict[bool, int],
    manifest: Manifest,
    period: Period,
    calibration: dict[str, Any] | None = None,
    truth_source: TruthSource = TruthSource.READS,
    *,
    by_group: bool = False,
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
        truth_source: the source of the verdicts.
        by_group: choose thresholds by age and sex, too.

    Raises:
        PermanentError: with too few verdicts of a kind, or too few tests below the threshold in use.
    """
    studies = sorted(keep_worst(films), key=lambda study: study.study_id)
    sure = [study for study in studies if study.verdict is not Verdict.UNSURE]
    truth = np.array([is_tb(study) for study in sure], dtype=bool)
    scores = np.array([study.score for study in sure], dtype=np.float64)
    _check_enough(int(truth.sum()), int((~truth).sum()), find_words(truth_source).judged)
    if truth_source is not TruthSource.READS:
        _check_tested_below(sure)
    points = {point.name: point for point in choose_operating_points(truth, scores)}
    screening, rule_in = _judge_out_of_fold(truth, scores)
    alarms, hits = compute_curve(truth, scores)
    held = np.array([is_positive(study) for study in sure], dtype=bool)
    table = choose_table(sure, points["screening"].threshold) if by_group else None
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
        truth=truth_source.value,
        by_bacteriology=sum(study.by_bacteriology for study in studies),
        auc=measure_auc(truth, scores),
        alarms=tuple(alarms.tolist()),
        hits=tuple(hits.tolist()),
        before=_measure("until now", truth, held),
        after=_measure("new", truth, screening),
        rule_in=_measure("rule-in", truth, rule_in),
        subgroups={
            name: _measure_by(sure, truth, screening, group)
            for name, group in (
                ("age", lambda study: name_age(study.age_years)),
                ("sex", lambda study: name_sex(study.sex)),
                ("station", lambda study: study.station),
            )
        },
        warnings=tuple(_warn(studies, screened, find_words(truth_source))),
        table=table,
        groups=None if table is None else tuple(list_groups(table)),
    )


def choose_table(sure: Sequence[ReadFilm], common: float) -> PersonTable:
    """Choose thresholds by age and sex as that of everybody is chosen, where enough were judged.

    Args:
        sure: studies with a verdict, each by its worst film.
        common: threshold for everybody.
    """
    people = [
        EnrolledPerson(
            score=study.score,
            band=0,
            drawn=True,
            truth=Truth.TB if is_tb(study) else Truth.NOT_TB,
            station=study.station,
            sex=study.sex,
            age_years=study.age_years,
        )
        for study in sure
    ]
    return choose_cells(people, _choose_for_cell, common, _make_sample)


def make_cells(record: SiteThresholdRecord) -> dict[str, dict[str, Any]]:
    """Return the records of a table's cells by age and sex, each with the end of its name; {} without."""
    if record.table is None:
        return {}
    points = {point.name: point.threshold for point in record.operating_points}
    judged = name_judged(record.truth)
    cells = make_cell_records(record.table, points["screening"], points["rule_in"], judged)
    return {end: {**cell, "calibration": record.calibration} for end, cell in cells.items()}


def _choose_for_cell(sample: VerifiedSample) -> ChosenThreshold:
    points = {point.name: point for point in choose_operating_points(sample.is_tb, sample.scores)}
    threshold = points["screening"].threshold
    screening, _ = _judge_out_of_fold(sample.is_tb, sample.scores)
    return ChosenThreshold(
        policy=Policy(sensitivity=WHO_SENSITIVITY, tolerance=0),
        threshold=threshold,
        accuracy=measure_thresholds(sample, [threshold])[0],
        cross_fitted=measure_rule(sample, screening),
    )


def _make_sample(people: Sequence[EnrolledPerson]) -> VerifiedSample:
    number = len(people)
    is_ill = [person.truth is Truth.TB for person in people]
    return VerifiedSample.make(
        [person.score for person in people], np.zeros(number, int), np.ones(number, bool), is_ill
    )


def _check_tested_below(sure: Sequence[ReadFilm]) -> None:
    below = sum(study.by_bacteriology and not is_positive(study) for study in sure)
    if below < FEWEST_BELOW:
        raise PermanentError(
            f"{below} studies below the threshold in use were tested, {FEWEST_BELOW} are needed: where "
            "positives alone are tested, sensitivity for TB cannot be known; test a random sample of the "
            "others, too"
        )


def _check_enough(tb: int, not_tb: int, judged: str) -> None:
    missing = []
    if tb < FEWEST_TB:
        missing.append(f"{FEWEST_TB - tb} more {judged} as TB")
    if not_tb < FEWEST_NOT_TB:
        missing.append(f"{FEWEST_NOT_TB - not_tb} more {judged} as not TB")
    if missing:
        raise PermanentError(
            f"too few verdicts on this bundle's films: {tb} studies {judged} as TB and {not_tb} as not TB; "
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


def _warn(studies: Sequence[ReadFilm], screened: dict[bool, int], words: TruthWords) -> list[str]:
    """Return the known weaknesses of these verdicts as a reference."""
    warnings: list[str] = [words.limits]
    read = {positive: sum(is_positive(study) is positive for study in studies) for positive in (True, False)}
    shares = {key: read[key] / screened[key] if screened[key] else 0.0 for key in read}
    if abs(shares[True] - shares[False]) > UNEVEN:
        warnings.append(
            f"{shares[True]:.0%} of the positives and {shares[False]:.0%} of the negatives were "
            f"{words.judged}. More verdicts on positives raise the measured sensitivity and lower the "
            "specificity; more on negatives do the reverse. Take a random sample of both and calibrate again."
        )
    return warnings
