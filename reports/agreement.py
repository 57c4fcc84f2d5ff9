"""Agreement of models with reads or bacteriology: sensitivity, specificity, ROC, calibration, disagreements.

A read is no proof of tuberculosis, its reader may have seen the score, and only studies with a verdict are
counted: every form of a report says so, and which truth it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from db.counts.read_films import ReadFilm
from domain.bundle.tb_score import place
from domain.codes import Verdict
from judging.statistics import bin_probabilities, measure_auc, measure_proportion
from reports.figures import Agreement, CalibrationBin, Disagreement, OperatingMark, Roc

MOST_ROCS: Final = 4
MOST_CURVE_POINTS: Final = 400
MOST_DISAGREEMENTS: Final = 30


def keep_worst(films: Iterable[ReadFilm]) -> list[ReadFilm]:
    """Return the most suspicious film of each study: by priority, then by probability, as on the worklist."""
    worst: dict[int, ReadFilm] = {}
    for film in films:
        known = worst.get(film.study_id)
        if known is None or _rank(film) > _rank(known):
            worst[film.study_id] = film
    return list(worst.values())


def measure_agreement(studies: Sequence[ReadFilm], screened: int) -> Agreement:
    """Count agreement of studies, each at the operating point of its screening.

    Args:
        studies: the most suspicious film of each study.
        screened: number of studies, read or not.
    """
    sure = [study for study in studies if study.verdict is not Verdict.UNSURE]
    hits = sum(is_positive(study) and is_tb(study) for study in sure)
    alarms = sum(is_positive(study) and not is_tb(study) for study in sure)
    cleared = sum(not is_positive(study) and not is_tb(study) for study in sure)
    missed = sum(not is_positive(study) and is_tb(study) for study in sure)
    by_bacteriology = sum(study.by_bacteriology for study in studies)
    # Where positives alone are tested, every case is a hit: sensitivity is not identifiable.
    blind = by_bacteriology > 0 and not any(
        study.by_bacteriology and not is_positive(study) for study in sure
    )
    return Agreement(
        screened=screened,
        read=len(studies),
        by_bacteriology=by_bacteriology,
        unsure=len(studies) - len(sure),
        readers_differ=sum(study.readers_differ for study in studies),
        true_positive=hits,
        false_positive=alarms,
        true_negative=cleared,
        false_negative=missed,
        sensitivity=None if blind else measure_proportion(hits, hits + missed),
        specificity=None if blind else measure_proportion(cleared, cleared + alarms),
        ppv=measure_proportion(hits, hits + alarms),
        npv=None if blind else measure_proportion(cleared, cleared + missed),
    )


def draw_rocs(studies: Sequence[ReadFilm]) -> tuple[Roc, ...]:
    """Return the ROC curve of each model with reads of both kinds, the model with most reads first."""
    by_model: dict[str, list[ReadFilm]] = {}
    for study in studies:
        if study.verdict is not Verdict.UNSURE:
            by_model.setdefault(study.model, []).append(study)
    both = {
        name: members for name, members in by_model.items() if len({is_tb(study) for study in members}) == 2
    }
    most_first = sorted(both.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(_draw_roc(name, members) for name, members in most_first[:MOST_ROCS])


def compute_curve(
    truth: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (1 - specificity, sensitivity) at every threshold, from (0, 0) to (1, 1).

    Args:
        truth: shape (n,), with both classes.
        scores: shape (n,); equal scores are one step.
    """
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    hits = np.append(0, np.cumsum(truth[order])[last_of_tie])
    alarms = np.append(0, np.cumsum(~truth[order])[last_of_tie])
    corner = np.ones(len(hits), dtype=bool)
    corner[1:-1] = (np.diff(hits)[:-1] * np.diff(alarms)[1:]) != (np.diff(hits)[1:] * np.diff(alarms)[:-1])
    places = np.flatnonzero(corner)
    if len(places) > MOST_CURVE_POINTS:
        places = places[np.unique(np.linspace(0, len(places) - 1, MOST_CURVE_POINTS).astype(int))]
    return alarms[places] / alarms[-1], hits[places] / hits[-1]


def bin_calibration(studies: Sequence[ReadFilm]) -> tuple[CalibrationBin, ...]:
    """Return the share read as TB in each non-empty bin of ten bins of calibrated probability."""
    sure = [study for study in studies if study.verdict is not Verdict.UNSURE]
    if len({is_tb(study) for study in sure}) < 2:
        return ()
    truth, values = [is_tb(study) for study in sure], [study.probability for study in sure]
    return tuple(
        CalibrationBin(probability=mean, studies=number, share_of_tb=interval)
        for mean, share, number in bin_probabilities(truth, values)
        if (interval := measure_proportion(round(share * number), number)) is not None
    )


def list_disagreements(
    studies: Sequence[ReadFilm], rule_in: Mapping[tuple[str, str], float], *, named: bool
) -> tuple[list[Disagreement], int]:
    """Return the largest disagreements, and the number of all.

    The studies read as TB that the model missed come first, in ascending order of score; then the false
    alarms, in descending order. Each list has at most `MOST_DISAGREEMENTS` studies.

    Args:
        studies: the most suspicious film of each study.
        rule_in: rule-in threshold by bundle and operating point, for the TB scores.
        named: True for accession number and study date, which are patient data.
    """
    sure = [study for study in studies if study.verdict is not Verdict.UNSURE]
    missed = sorted(
        (study for study in sure if is_tb(study) and not is_positive(study)),
        key=lambda study: (study.score, study.study_id),
    )
    alarms = sorted(
        (study for study in sure if not is_tb(study) and is_positive(study)),
        key=lambda study: (-study.score, study.study_id),
    )
    listed = [_describe("missed", study, rule_in, named) for study in missed[:MOST_DISAGREEMENTS]]
    listed += [_describe("false alarm", alarm, rule_in, named) for alarm in alarms[:MOST_DISAGREEMENTS]]
    return listed, len(missed) + len(alarms)


def is_positive(film: ReadFilm) -> bool:
    """True for a score at or above the operating point, as in `domain.bundle.triage`."""
    return film.score >= film.threshold


def is_tb(film: ReadFilm) -> bool:
    """True for a study whose verdict is tuberculosis."""
    return film.verdict is Verdict.TB


def _rank(film: ReadFilm) -> tuple[int, float]:
    return film.priority.rank, film.probability


def _draw_roc(model: str, studies: Sequence[ReadFilm]) -> Roc:
    truth = np.array([is_tb(study) for study in studies])
    scores = np.array([study.score for study in studies])
    alarms, hits = compute_curve(truth, scores)
    used: dict[tuple[str, float], int] = {}
    for study in studies:
        key = (study.operating_point, study.threshold)
        used[key] = used.get(key, 0) + 1
    return Roc(
        model=model,
        tb=int(truth.sum()),
        not_tb=int((~truth).sum()),
        auc=measure_auc(truth, scores),
        alarms=tuple(alarms.tolist()),
        hits=tuple(hits.tolist()),
        points=_mark(used, truth, scores),
    )


def _mark(
    used: Mapping[tuple[str, float], int], truth: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[OperatingMark, ...]:
    """Return the operating points in use, with sensitivity and specificity on all studies of the curve."""
    return tuple(
        OperatingMark(
            name=name,
            threshold=threshold,
            studies=number,
            sensitivity=float((scores[truth] >= threshold).mean()),
            specificity=float((scores[~truth] < threshold).mean()),
        )
        for (name, threshold), number in sorted(used.items())
    )


def _describe(
    kind: str, film: ReadFilm, rule_in: Mapping[tuple[str, str], float], named: bool
) -> Disagreement:
    high = rule_in.get((film.digest, film.operating_point))
    return Disagreement(
        kind="missed" if kind == "missed" else "false alarm",
        score=film.score,
        threshold=film.threshold,
        finding=film.finding.value,
        model=film.model,
        station=film.station,
        study=film.study_id,
        accession_number=film.accession_number if named else None,
        study_date=film.study_date if named else None,
        tb_score=None if high is None else place(film.score, film.threshold, high),
    )
