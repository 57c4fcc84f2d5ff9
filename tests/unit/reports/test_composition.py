"""Every figure of a report against one that was counted by hand, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select, update

from db.counts.report_counts import Grouping
from db.database import Database
from db.states import DeliveryState
from db.tables import Read, Study
from reports.composition import Request, compose_report
from reports.figures import Report
from reports.period import Period
from reports.settings import ReportSettings
from reports.text_form import render_text
from tests.unit.reports.small_database import TRAINED, UNTRAINED, Film, fill

D, P, X = DeliveryState.DELIVERED, DeliveryState.PENDING, DeliveryState.PARKED
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
LITE = f"lite 1 ({TRAINED[:8]})"
RAW = f"raw 1 ({UNTRAINED[:8]})"

FILMS = (
    # Before and after the month.
    Film("2026-02-28 23:59", 0.9, verdict="tb"),
    Film("2026-04-01 00:00", 0.9, verdict="tb"),
    # Five studies read as TB: four found, one missed.
    Film("2026-03-01 00:00", 0.95, verdict="tb", seconds=4, deliveries=(D, P)),
    Film("2026-03-02 08:00", 0.85, verdict="tb", seconds=6, deliveries=(D, D)),
    Film("2026-03-03 08:00", 0.75, verdict="tb", seconds=8, deliveries=(X,)),
    Film("2026-03-04 08:00", 0.55, verdict="tb", seconds=10, station="ROOM 2"),
    Film("2026-03-05 08:00", 0.15, verdict="tb", seconds=12, station="ROOM 2"),
    # Four read as something else: three cleared, one alarm; one of them is doubtful.
    Film("2026-03-06 08:00", 0.05, verdict="not_tb", seconds=14, doubt=True),
    Film("2026-03-07 08:00", 0.25, verdict="not_tb", seconds=16),
    Film("2026-03-08 08:00", 0.35, verdict="not_tb", seconds=18, station="ROOM 2"),
    Film("2026-03-31 23:59", 0.65, verdict="not_tb", seconds=20, institution=None, station=None),
    # Unsure, unread, read before the film came, and by a model that is not trained.
    Film("2026-03-10 08:00", 0.45, verdict="unsure", seconds=22),
    Film("2026-03-11 08:00", 0.45, seconds=24, unbuilt=True),
    Film("2026-03-12 08:00", 0.45, verdict="tb", read_before=True, seconds=26),
    Film("2026-03-13 08:00", 0.99, verdict="not_tb", model=UNTRAINED, seconds=28),
    # A second film of the missed study's neighbour: the study stands where its worst film does.
    Film("2026-03-06 08:01", 0.02, study="1.2.8", seconds=30),
    # Refused, waiting, superseded, an own object.
    Film("2026-03-14 08:00", refusal="not_frontal", deliveries=(P, X)),
    Film("2026-03-14 08:01", refusal="not_frontal", sender="OTHER", institution=None),
    Film("2026-03-14 08:02", refusal="under_age", unbuilt=True),
    Film("2026-03-14 08:03", state="queued"),
    Film("2026-03-14 08:04"),
    Film("2026-03-14 08:05", 0.9, current=False),
    Film("2026-03-14 08:06", refusal="own_output"),
)


def make(database: Database, *, period: Period = MARCH, by: Grouping | None = None, **more: object) -> Report:
    request = Request(period, by, **more)  # type: ignore[arg-type]
    with database.read(frozen=True) as session:
        return compose_report(session, request, ReportSettings(organisation="NTP"), "1.0")


def test_every_figure_of_all_films(database: Database) -> None:
    fill(database, FILMS)
    report = make(database)
    total = report.total
    assert total.flow.model_dump() == {
        "received": 19,
        "screened": 14,
        "waiting": 2,
        "refused": {"not_frontal": 2, "under_age": 1},
        "untrained": 1,
    }
    assert (report.superseded, report.own_objects) == (1, 1)
    bands = total.bands
    assert (bands.high, bands.medium, bands.low) == (2, 3, 8)
    assert (bands.present, bands.absent, bands.undetermined) == (5, 7, 1)
    # 5 of 13: Wilson by hand, (5 + z²/2) / (13 + z²) ± z sqrt(5·8/13 + z²/4) / (13 + z²).
    assert bands.share_present is not None
    assert bands.share_present.value == pytest.approx(5 / 13)
    assert bands.share_present.low == pytest.approx(0.17708, abs=1e-4)
    assert bands.share_present.high == pytest.approx(0.64478, abs=1e-4)
    assert total.deliveries.model_dump() == {"delivered": 3, "pending": 2, "parked": 2, "unbuilt": 2}


def test_turnaround_by_stage(database: Database) -> None:
    fill(database, FILMS)
    stages = {stage.name: stage for stage in make(database).total.stages}
    # Each film: received a second after it was asked for; prepared 2 s later; predicted in half a second.
    assert (stages["receive"].films, stages["receive"].median_ms, stages["receive"].p95_ms) == (
        19,
        1000,
        1000,
    )
    assert (stages["prepare"].films, stages["prepare"].median_ms) == (14, 2000)
    assert (stages["predict"].films, stages["predict"].median_ms) == (14, 500)
    # Results after 4, 6, … 30 s: the median of 14 lies between the 7th and 8th, the 95th percentile 12.35
    # steps of 2 s above the first.
    until = stages["until screened"]
    assert (until.films, until.median_ms, until.p95_ms) == (14, 17000, pytest.approx(28700))
    assert stages["queue"].median_ms == 13500
    # The films of 4 and 6 s were reported 0.25 s later and first delivered 1 s after that.
    assert (stages["report"].films, stages["report"].median_ms) == (2, 250)
    assert (stages["deliver"].films, stages["deliver"].median_ms) == (2, 1000)
    delivered = stages["until delivered"]
    assert (delivered.films, delivered.median_ms, delivered.p95_ms) == (2, 6250, pytest.approx(7150))
    # Each read came an hour after its film, which came a second after it was asked for; one read was older.
    until_read = stages["until read"]
    assert (until_read.films, until_read.median_ms, until_read.p95_ms) == (12, 3_601_000, 3_601_000)


def test_a_study_on_which_readers_differ_is_in_no_figure(database: Database) -> None:
    fill(database, FILMS)
    with database.write() as session:
        read = select(Read.study_id).where(Read.verdict == "tb", Read.current).order_by(Read.id)
        of_march = session.scalars(read).all()[2]
        session.execute(update(Study).where(Study.id == of_march).values(differing_verdicts="not_tb\\tb"))
    report = make(database)
    agreement = report.total.agreement
    assert (agreement.read, agreement.unsure, agreement.readers_differ) == (10, 2, 1)
    assert agreement.true_positive + agreement.false_negative == 4
    assert "1 of them as unsure and 1 differently by different readers" in " ".join(
        render_text(report).split()
    )


def test_agreement_with_reads(database: Database) -> None:
    fill(database, FILMS)
    report = make(database)
    agreement = report.total.agreement
    assert (agreement.screened, agreement.read, agreement.unsure) == (12, 10, 1)
    assert (
        agreement.true_positive,
        agreement.false_negative,
        agreement.true_negative,
        agreement.false_positive,
    ) == (4, 1, 3, 1)
    expected = {
        # Wilson's interval of 4 / 5 and 3 / 4, as any table of it has them.
        "sensitivity": (0.8, 0.37553, 0.96378),
        "specificity": (0.75, 0.30064, 0.95441),
        "ppv": (0.8, 0.37553, 0.96378),
        "npv": (0.75, 0.30064, 0.95441),
    }
    for name, (value, low, high) in expected.items():
        estimate = getattr(agreement, name)
        assert (estimate.value, estimate.low, estimate.high) == (
            pytest.approx(value),
            pytest.approx(low, abs=1e-5),
            pytest.approx(high, abs=1e-5),
        )
    (roc,) = report.rocs
    assert (roc.model, roc.tb, roc.not_tb) == (LITE, 5, 4)
    # TB at .95 .85 .75 .55 .15 against .05 .25 .35 .65: 4 + 4 + 4 + 3 + 1 of 20 pairs are in order.
    assert roc.auc.value == pytest.approx(16 / 20)
    assert roc.alarms == pytest.approx((0, 0, 0.25, 0.25, 0.75, 0.75, 1))
    assert roc.hits == pytest.approx((0, 0.6, 0.6, 0.8, 0.8, 1, 1))
    (point,) = roc.points
    assert (point.name, point.studies, point.sensitivity, point.specificity) == ("screening", 9, 0.8, 0.75)
    assert [(bin_.studies, bin_.share_of_tb.value) for bin_ in report.calibration] == [
        (1, 0), (1, 1), (1, 0), (1, 0), (1, 1), (1, 0), (1, 1), (1, 1), (1, 1),
    ]  # fmt: skip


def test_disagreements_name_a_study_only_when_asked(database: Database) -> None:
    fill(database, FILMS)
    report = make(database)
    assert [
        (disagreement.kind, disagreement.score, disagreement.tb_score, disagreement.station)
        for disagreement in report.disagreements
    ] == [
        ("missed", 0.15, 15, "ROOM 2"),
        ("false alarm", 0.65, 62, "station not named"),
    ]
    assert report.disagreements_in_all == 2
    assert {
        (disagreement.accession_number, disagreement.study_date) for disagreement in report.disagreements
    } == {(None, None)}
    assert not report.named_studies
    named = make(database, with_studies=True)
    assert [
        (disagreement.accession_number, disagreement.study_date) for disagreement in named.disagreements
    ] == [
        ("ACC7", "20260305"),
        ("ACC11", "20260331"),
    ]


def test_histogram_of_scores(database: Database) -> None:
    fill(database, FILMS)
    (histogram,) = make(database).histograms
    assert histogram.model == LITE
    counts = {0: 1, 1: 1, 3: 1, 5: 1, 7: 1, 9: 3, 11: 1, 13: 1, 15: 1, 17: 1, 19: 1}
    assert histogram.films == tuple(counts.get(number, 0) for number in range(20))


def test_histogram_of_tb_scores_has_the_thresholds_in_their_places(database: Database) -> None:
    fill(database, FILMS)
    (placed,) = make(database).tb_scores
    assert placed.model == LITE
    # 0.75 and 0.55 lie between the thresholds 0.5 and 0.8, 0.85 and 0.95 above both.
    counts = {0: 1, 1: 1, 3: 1, 5: 1, 7: 1, 9: 3, 10: 1, 12: 1, 14: 1, 16: 1, 18: 1}
    assert placed.films == tuple(counts.get(number, 0) for number in range(20))


def test_every_week_of_the_period_is_counted(database: Database) -> None:
    fill(database, FILMS)
    weeks = [(str(week.week), week.received, week.screened, week.present) for week in make(database).weeks]
    assert weeks == [
        ("2026-03-01", 1, 1, 1),  # a Sunday
        ("2026-03-02", 8, 8, 3),
        ("2026-03-09", 9, 4, 0),
        ("2026-03-16", 0, 0, 0),
        ("2026-03-23", 0, 0, 0),
        ("2026-03-30", 1, 1, 1),
    ]


@pytest.mark.parametrize(
    ("by", "received", "positive"),
    [
        (
            Grouping.SITE,
            {"AE title MODALITY": 1, "AE title OTHER": 1, "North Clinic": 17},
            {"AE title MODALITY": 1, "AE title OTHER": 0, "North Clinic": 4},
        ),
        (
            Grouping.STATION,
            {"ROOM 1": 15, "ROOM 2": 3, "station not named": 1},
            {"ROOM 1": 3, "ROOM 2": 1, "station not named": 1},
        ),
        (Grouping.MONTH, {"2026-03": 19}, {"2026-03": 5}),
        (Grouping.MODEL, {LITE: 13, "not screened": 5, RAW: 1}, {LITE: 5, "not screened": 0, RAW: 0}),
    ],
)
def test_groups(database: Database, by: Grouping, received: dict[str, int], positive: dict[str, int]) -> None:
    fill(database, FILMS)
    report = make(database, by=by)
    assert {group.name: group.flow.received for group in report.groups} == received
    assert {group.name: group.bands.present for group in report.groups} == positive
    assert sum(group.deliveries.delivered for group in report.groups) == report.total.deliveries.delivered
    if by is Grouping.STATION:
        room_2 = next(group for group in report.groups if group.name == "ROOM 2").agreement
        assert (room_2.true_positive, room_2.false_negative, room_2.true_negative) == (1, 1, 1)


def test_days_are_those_of_the_time_zone(database: Database) -> None:
    # 18:29 UTC is 23:59 in Kolkata, 18:30 the next day.
    fill(
        database,
        [Film("2026-02-28 18:29", 0.1), Film("2026-02-28 18:30", 0.1), Film("2026-03-31 18:29", 0.1)],
    )
    kolkata = Period(date(2026, 2, 1), date(2026, 3, 31), "Asia/Kolkata")
    report = make(database, period=kolkata, by=Grouping.MONTH)
    assert {group.name: group.flow.received for group in report.groups} == {"2026-02": 1, "2026-03": 2}


def test_drift_by_station_and_week(sqlite_database: Database) -> None:
    films = [
        Film(
            f"2026-01-{1 + number % 28:02} 10:00",
            (number % 100) / 100,
            greys=(0.5 + number % 10 / 100, 0.2, 0.1),
        )
        for number in range(200)
    ]
    # The week of 2 March is as before, that of 9 March brighter; ROOM 2 has no reference.
    films += [
        Film("2026-03-02 10:00", number / 100, greys=(0.5 + number % 10 / 100, 0.2, 0.1))
        for number in range(100)
    ]
    films += [Film("2026-03-09 10:00", number / 100, greys=(0.9, 0.2, 0.1)) for number in range(100)]
    films += [Film("2026-03-09 10:00", 0.5, station="ROOM 2", greys=(0.9, 0.2, 0.1)) for _ in range(40)]
    fill(sqlite_database, films)
    drift = make(sqlite_database).drift
    assert (drift.reference_first, drift.reference_last) == (date(2025, 12, 1), date(2026, 2, 28))
    rows = {(row.station, str(row.week), row.figure): row for row in drift.rows}
    same = rows["ROOM 1", "2026-03-02", "mean"]
    assert (same.films, same.reference_films, same.alert) == (100, 200, False)
    assert same.index == pytest.approx(0.0, abs=0.001)
    brighter = rows["ROOM 1", "2026-03-09", "mean"]
    # 100 films in the last of 10 bins: shares of .5 / 105 and 100.5 / 105 against 20.5 / 205 each.
    expected = 9 * (0.1 - 0.5 / 105) * 3.0445224 + (100.5 / 105 - 0.1) * 2.2587822
    assert brighter.index == pytest.approx(expected, rel=1e-4)
    assert brighter.alert
    assert brighter.limit == pytest.approx(28.06 * (1 / 100 + 1 / 200), rel=0.001)
    assert rows["ROOM 2", "2026-03-09", "score"].index is None
    assert [(row.station, row.figure) for row in drift.alerts] == [("ROOM 1", "mean")]


def test_an_empty_period_has_no_figures_and_no_nan(database: Database) -> None:
    fill(database, FILMS)
    report = make(database, period=Period(date(2027, 1, 1), date(2027, 1, 31)), by=Grouping.MODEL)
    assert report.total.flow.received == 0
    assert report.total.bands.share_present is None
    assert report.total.agreement.sensitivity is None
    assert (report.groups, report.rocs, report.calibration, report.drift.rows) == ((), (), (), ())
    assert "NaN" not in report.model_dump_json()
