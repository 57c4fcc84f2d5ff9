"""Figures against bacteriology, reads or both: counted by hand, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import literal

from db.bacteriology import results
from db.bacteriology.reference import find_reference
from db.bacteriology.results import NewResult
from db.counts.read_films import stream_read_films
from db.database import Database
from db.worklist import reads
from domain.bacteriology import Method, Outcome, TruthSource
from domain.codes import Verdict
from domain.errors import PermanentError
from judging.statistics import measure_proportion
from reports.composition import Request, compose_report
from reports.csv_form import render_csv
from reports.figures import Report
from reports.period import Period
from reports.settings import ReportSettings
from reports.site_threshold.derivation import derive
from reports.site_threshold.record import dump_record
from reports.text_form import render_text
from tests.unit.reports.site_threshold.reads import OTHER_SCORES, TB_SCORES
from tests.unit.reports.small_database import TRAINED, Film, fill

READS, TESTS, BOTH = TruthSource
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))

FILMS = (
    Film("2026-03-01 08:00", 0.9, verdict="not_tb"),  # tested positive
    Film("2026-03-02 08:00", 0.8, verdict="tb"),  # tested negative
    Film("2026-03-03 08:00", 0.7),  # tested positive, never read
    Film("2026-03-04 08:00", 0.2, verdict="tb"),  # a trace: unsure
    Film("2026-03-05 08:00", 0.1, verdict="not_tb"),  # not tested
    Film("2026-03-06 08:00", 0.3),  # neither
)
OUTCOMES = (Outcome.POSITIVE, Outcome.NEGATIVE, Outcome.POSITIVE, Outcome.TRACE)


def enter(database: Database, outcomes: list[Outcome], first: int = 1) -> None:
    """Enter an Ultra of each study, from the first on."""
    new = [
        NewResult(Method.ULTRA, outcome, "20260310", accession_number=f"ACC{number}")
        for number, outcome in enumerate(outcomes, first)
    ]
    with database.write() as session:
        results.record(session, new, "lab@host")


def make(database: Database, truth: TruthSource) -> Report:
    with database.read(frozen=True) as session:
        return compose_report(session, Request(MARCH, truth=truth), ReportSettings(), "1.0")


@pytest.mark.parametrize(
    ("truth", "judged", "by_bacteriology", "unsure", "counts"),
    [
        (READS, 4, 0, 0, (1, 1, 1, 1)),
        (TESTS, 4, 4, 1, (2, 1, 0, 0)),
        (BOTH, 5, 3, 0, (2, 1, 1, 1)),
    ],
)
def test_each_truth_has_its_own_figures(
    database: Database,
    truth: TruthSource,
    judged: int,
    by_bacteriology: int,
    unsure: int,
    counts: tuple[int, int, int, int],
) -> None:
    fill(database, FILMS)
    enter(database, list(OUTCOMES))
    report = make(database, truth)
    found = report.total.agreement
    assert (report.truth, found.read, found.by_bacteriology, found.unsure) == (
        truth, judged, by_bacteriology, unsure,
    )  # fmt: skip
    hits, alarms, _, missed = counts
    assert (found.true_positive, found.false_positive, found.true_negative, found.false_negative) == counts
    assert found.ppv == measure_proportion(hits, hits + alarms)
    if truth is READS:
        assert found.sensitivity == measure_proportion(hits, hits + missed)


def test_bacteriology_decides_where_readers_differ(database: Database) -> None:
    fill(database, FILMS)
    with database.write() as session:  # the first is tested, the fifth is not
        reads.record(session, "1.2.1", Verdict.TB, "second")
        reads.record(session, "1.2.5", Verdict.TB, "second")
    enter(database, list(OUTCOMES))
    found = {truth: make(database, truth).total.agreement for truth in TruthSource}
    assert [found[truth].readers_differ for truth in TruthSource] == [2, 0, 1]
    assert [found[truth].unsure for truth in TruthSource] == [2, 1, 1]
    assert [found[truth].true_positive for truth in TruthSource] == [1, 2, 2]


def test_where_positives_alone_are_tested_there_is_no_sensitivity(database: Database) -> None:
    fill(database, FILMS)
    enter(database, list(OUTCOMES[:3]))
    for truth in (TESTS, BOTH):
        report = make(database, truth)
        found = report.total.agreement
        assert (found.sensitivity, found.specificity, found.npv) == (None, None, None)
        assert found.ppv is not None
        assert "No study below the threshold was tested" in " ".join(render_text(report).split())
    enter(database, [Outcome.NEGATIVE], 5)
    found = make(database, TESTS).total.agreement
    assert found.sensitivity == measure_proportion(2, 2)
    assert found.npv == measure_proportion(1, 1)


def test_each_form_says_which_truth_it_is(database: Database) -> None:
    fill(database, FILMS)
    enter(database, list(OUTCOMES))
    said = {truth: " ".join(render_text(make(database, truth)).split()) for truth in TruthSource}
    assert "AGAINST RADIOLOGISTS' READS" in said[READS]
    assert "no proof of tuberculosis" in said[READS]
    assert "4 studies of 6 screened were tested, 1 of them as unsure" in said[TESTS]
    assert "verification bias" in said[TESTS]
    assert "AGAINST BACTERIOLOGY, ELSE READS" in said[BOTH]
    assert "3 verdicts by bacteriology, 2 by reads." in said[BOTH]
    assert "none of them is sensitivity for TB" in said[BOTH]
    assert "\nbacteriology,all films,sensitivity" in render_csv(make(database, TESTS))


def test_a_threshold_by_bacteriology_needs_tests_below_the_threshold(database: Database) -> None:
    scores = [*TB_SCORES, *OTHER_SCORES]
    fill(database, [Film("2026-03-10 10:00", score) for score in scores])
    outcomes = [Outcome.POSITIVE] * len(TB_SCORES) + [Outcome.NEGATIVE] * len(OTHER_SCORES)
    high = [place for place, score in enumerate(scores) if score >= 0.5]
    for place in high:
        enter(database, [outcomes[place]], place + 1)
    with database.read() as session:
        with pytest.raises(PermanentError, match="9 more tested as TB and 50 more tested as not TB"):
            derive(session, TRAINED, MARCH, None, TESTS)
        with pytest.raises(PermanentError, match="60 more read as TB"):
            derive(session, TRAINED, MARCH, None)
        span = MARCH.to_span()
        reference = find_reference(session, TESTS, span.start, span.end)
        assert len(list(stream_read_films(session, span, literal("all"), reference))) == len(high)
    enter(database, outcomes)
    with database.read() as session:
        record = derive(session, TRAINED, MARCH, None, TESTS)
    assert (record.truth, record.by_bacteriology) == ("bacteriology", 160)
    assert dump_record(record)["truth"] == "bacteriology"
    assert "verification bias" in record.warnings[0]
    own = next(point for point in record.operating_points if point.name == "screening")
    assert own.threshold == pytest.approx(0.47)
