"""Local reads to an operating point: chosen as by hand, honest about itself, used once activated."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from db.counts.read_films import ReadFilm
from domain.bacteriology import TruthSource
from domain.bundle.manifest import Manifest
from domain.codes import Finding, Priority, Verdict
from domain.errors import PermanentError
from judging.statistics import Estimate
from reports.period import Period
from reports.site_threshold.derivation import choose_site_threshold
from reports.site_threshold.record import Row, SiteThresholdRecord, dump_record, judge_by_who
from tests.unit.reports.site_threshold.reads import OTHER_SCORES, TB_SCORES
from tests.unit.reports.small_database import FILES, TRAINED
from tests.unit.worker.networks import MANIFEST

YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
MANIFEST_MODEL = Manifest.model_validate({**MANIFEST, "files": FILES})


def make_read(number: int, score: float, verdict: Verdict, **changes: object) -> ReadFilm:
    values: dict[str, object] = {
        "group": "all",
        "study_id": number,
        "verdict": verdict,
        "score": score,
        "threshold": 0.5,
        "probability": score,
        "finding": Finding.PRESENT,
        "priority": Priority.HIGH,
        "operating_point": "screening",
        "model": "lite 1",
        "digest": TRAINED,
        "accession_number": None,
        "study_date": None,
        "sex": "F" if number % 2 else "M",
        "age_years": 20 + number % 60,
        "station": "ROOM 1",
    }
    return ReadFilm(**{**values, **changes})  # type: ignore[arg-type]


def make_reads(tb: int = 60, others: int = 100) -> list[ReadFilm]:
    reads = [make_read(number, score, Verdict.TB) for number, score in enumerate(TB_SCORES[:tb])]
    return reads + [
        make_read(1000 + number, score, Verdict.NOT_TB) for number, score in enumerate(OTHER_SCORES[:others])
    ]


def derive(reads: list[ReadFilm], screened: dict[bool, int] | None = None) -> SiteThresholdRecord:
    return choose_site_threshold(reads, screened or {True: 101, False: 59}, MANIFEST_MODEL, YEAR)


def test_positives_alone_tell_no_sensitivity_for_tb() -> None:
    reads = [replace(read, by_bacteriology=read.score >= 0.5) for read in make_reads()]
    with pytest.raises(
        PermanentError, match="0 studies below the threshold in use were tested, 50 are needed"
    ):
        choose_site_threshold(reads, {True: 101, False: 59}, MANIFEST_MODEL, YEAR, None, TruthSource.BOTH)
    assert "truth" not in dump_record(derive(reads)), "the version before reads it"


def test_the_thresholds_are_those_that_a_hand_finds() -> None:
    record = derive([*make_reads(), make_read(5000, 0.99, Verdict.UNSURE)])
    points = {point.name: point for point in record.operating_points}
    # 54 of 60 TB scores (0.41, 0.42, … 1.00) lie at 0.47 or above; 47 of 100 others (0.005, … 0.995) below.
    assert points["screening"].threshold == pytest.approx(0.47)
    assert (points["screening"].sensitivity, points["screening"].specificity) == (0.9, 0.47)
    assert points["(local)"].threshold == points["screening"].threshold
    # 90 of 100 others lie below the TB film of 0.90, the lowest score above 0.895.
    assert points["rule_in"].threshold == pytest.approx(0.90)
    assert (record.read, record.unsure, record.after.tb, record.after.not_tb) == (161, 1, 60, 100)
    # At 0.5, which held until now: 51 of 60, and 50 of 100.
    assert record.before.sensitivity is not None
    assert record.before.sensitivity.value == pytest.approx(51 / 60)
    assert record.before.specificity is not None
    assert record.before.specificity.value == pytest.approx(0.5)


def test_what_is_said_of_the_new_point_comes_from_films_that_did_not_choose_it() -> None:
    record = derive(make_reads())
    assert record.after.sensitivity is not None
    assert record.after.specificity is not None
    # Each fifth by the other four's threshold: the 5th lowest of 48 TB scores, as 43.2 of 48 are needed.
    hits = cleared = 0
    for fold in range(5):
        others = sorted(score for number, score in enumerate(TB_SCORES) if number % 5 != fold)
        threshold = others[4]
        hits += sum(score >= threshold for score in TB_SCORES[fold::5])
        cleared += sum(score < threshold for score in OTHER_SCORES[fold::5])
    assert record.after.sensitivity.value == pytest.approx(hits / 60)
    assert record.after.specificity.value == pytest.approx(cleared / 100, abs=0.011)
    assert sum(row.tb for row in record.subgroups["sex"]) == 60
    assert {row.name for row in record.subgroups["age"]} == {
        "15 to 24", "25 to 44", "45 to 64", "65 and older"
    }  # fmt: skip


def test_too_few_reads_are_refused_with_how_many_are_needed() -> None:
    with pytest.raises(PermanentError, match="18 more read as TB and 1 more read as not TB"):
        derive(make_reads(42, 99))
    with pytest.raises(PermanentError, match="60 more read as TB"):
        derive(make_reads(0, 100))


def test_reads_that_are_no_fair_sample_are_told() -> None:
    assert len(derive(make_reads()).warnings) == 1
    # 101 positives of 110 were read, 59 negatives of 590.
    warning = derive(make_reads(), {True: 110, False: 590}).warnings[1]
    assert "92% of the positives and 10% of the negatives were read" in warning


@pytest.mark.parametrize(
    ("sensitivity", "specificity", "said"),
    [
        ((0.95, 0.91, 0.98), (0.8, 0.75, 0.85), "met, also by the intervals"),
        ((0.91, 0.85, 0.95), (0.8, 0.75, 0.85), "met, but possibly by chance"),
        ((0.95, 0.91, 0.98), (0.69, 0.6, 0.75), "not met"),
        (None, (0.8, 0.75, 0.85), "unknown"),
    ],
)
def test_against_who(
    sensitivity: tuple[float, float, float] | None, specificity: tuple[float, float, float], said: str
) -> None:
    figures = [
        None if figure is None else Estimate(value=figure[0], low=figure[1], high=figure[2])
        for figure in (sensitivity, specificity)
    ]
    assert judge_by_who(Row(name="", tb=1, not_tb=1, sensitivity=figures[0], specificity=figures[1])) == said
