"""Shadow screenings: one per film and bundle, begun before they are made, compared with what was reported."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from db.clock import now
from db.database import Database
from db.models import bundles, shadow_screenings
from db.models.shadow_screenings import STRIKE_WINDOW, STRIKES
from db.tables import Model, OutboxEntry, Screening, ShadowScreening
from domain.codes import Finding, Priority
from domain.errors import PermanentError
from tests.unit import rows

WORKER = "worker-1"


@pytest.fixture(autouse=True)
def in_shadow(database: Database) -> None:
    """One bundle is active, another in its shadow."""
    rows.register_model(database, rows.DIGEST)
    rows.register_model(database, rows.OTHER_DIGEST, active=False)
    with database.write() as session:
        shadow_screenings.start(session, rows.OTHER_DIGEST)


def screen_film(database: Database, number: int, score: float, finding: Finding = Finding.PRESENT) -> int:
    instance_id = rows.receive_and_queue(database, f"1.2.3.{number}")
    rows.screen(database, instance_id, score, finding)
    return instance_id


def begin(database: Database, instance_id: int, digest: str = rows.OTHER_DIGEST) -> int | None:
    with database.write() as session:
        return shadow_screenings.begin(session, instance_id, digest, WORKER)


def shadow(database: Database, instance_id: int, score: float, finding: Finding = Finding.PRESENT) -> None:
    row = begin(database, instance_id)
    assert row is not None
    result = rows.make_result(instance_id, score, finding, digest=rows.OTHER_DIGEST)
    with database.write() as session:
        shadow_screenings.finish(session, row, result)


def test_a_film_is_begun_once_and_finished(database: Database) -> None:
    instance_id = screen_film(database, 1, 0.9)
    shadow(database, instance_id, 0.25, Finding.ABSENT)
    assert begin(database, instance_id) is None
    with database.read() as session:
        row = session.scalars(select(ShadowScreening)).one()
        assert session.scalars(select(Screening.score)).all() == [0.9]
        assert len(session.scalars(select(OutboxEntry)).all()) == 1
    assert (row.instance_id, row.bundle_digest, row.worker) == (instance_id, rows.OTHER_DIGEST, WORKER)
    assert (row.score, row.finding, row.operating_point) == (0.25, "absent", "screening")
    assert row.finished_at is not None


def test_the_same_film_begun_by_many_at_once_is_begun_by_one(database: Database) -> None:
    instance_id = screen_film(database, 1, 0.9)
    barrier = Barrier(4)

    def race(_: int) -> bool:
        barrier.wait(timeout=30)
        return begin(database, instance_id) is not None

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(race, range(4))) == [False, False, False, True]


def test_a_bundle_that_left_the_shadow_begins_nothing(database: Database) -> None:
    instance_id = screen_film(database, 1, 0.9)
    with database.write() as session:
        assert bundles.end_shadow(session) == rows.OTHER_DIGEST
        assert bundles.end_shadow(session) is None
    assert begin(database, instance_id) is None


def test_the_active_bundle_and_an_unknown_one_are_not_put_in_the_shadow(database: Database) -> None:
    with database.write() as session, pytest.raises(PermanentError, match="is the active bundle"):
        bundles.put_in_shadow(session, rows.DIGEST)
    with database.write() as session, pytest.raises(PermanentError, match="no bundle dddddddddddd "):
        bundles.put_in_shadow(session, "d" * 64)


def test_one_bundle_is_in_the_shadow_and_the_database_itself_allows_no_second(database: Database) -> None:
    third = "c" * 64
    rows.register_model(database, third, active=False)
    with database.write() as session:
        shadow_screenings.start(session, third)
    with database.read() as session:
        found = bundles.find_shadow(session)
        assert found is not None
        assert found.digest == third
        assert [model.digest for model in bundles.list_models(session) if model.shadow] == [third]
    with pytest.raises(IntegrityError, match=r"models.shadow|uq_models_one_shadow"):
        _put_all_in_shadow(database)


def test_a_bundle_that_leaves_films_unfinished_strikes_out(database: Database) -> None:
    for number in range(STRIKES):
        assert not _strike_out(database)
        assert begin(database, screen_film(database, number, 0.9)) is not None
    assert not _strike_out(database, processes=2), "two processes may be at a film each"
    assert not _strike_out(database, worker="worker-2"), "another host's troubles are its own"
    assert _strike_out(database)
    with database.read() as session:
        assert bundles.find_shadow(session) is None
        assert shadow_screenings.measure_agreement(session, rows.OTHER_DIGEST).unfinished == STRIKES


def test_a_bundle_put_in_the_shadow_again_has_no_strikes(database: Database) -> None:
    for number in range(STRIKES):
        begin(database, screen_film(database, number, 0.9))
    assert _strike_out(database)
    with database.write() as session:
        shadow_screenings.start(session, rows.OTHER_DIGEST)
    assert not _strike_out(database)


def test_old_and_finished_films_are_no_strikes(database: Database) -> None:
    for number in range(STRIKES):
        begin(database, screen_film(database, number, 0.9))
        shadow(database, screen_film(database, 100 + number, 0.9), 0.9)
    past = now() - STRIKE_WINDOW - timedelta(seconds=1)
    with database.write() as session:
        session.execute(update(ShadowScreening).values(started_at=past))
    assert not _strike_out(database)


def test_agreement_counts_findings_and_measures_scores(database: Database) -> None:
    with database.read() as session:
        nothing = shadow_screenings.measure_agreement(session, rows.OTHER_DIGEST)
    assert (nothing.films, nothing.equal_share, nothing.score_correlation) == (0, None, None)

    judged = [
        (0.9, Finding.PRESENT, 0.8, Finding.PRESENT),
        (0.5, Finding.PRESENT, 0.4, Finding.ABSENT),
        (0.1, Finding.ABSENT, 0.3, Finding.ABSENT),
        (0.7, Finding.PRESENT, 0.7, Finding.PRESENT),
    ]
    for number, (score, finding, other_score, other_finding) in enumerate(judged):
        shadow(database, screen_film(database, number, score, finding), other_score, other_finding)
    begin(database, screen_film(database, 99, 0.2, Finding.ABSENT))

    with database.read() as session:
        agreement = shadow_screenings.measure_agreement(session, rows.OTHER_DIGEST)
        assert shadow_screenings.measure_agreement(session, rows.DIGEST).films == 0
    assert (agreement.films, agreement.unfinished, agreement.equal_findings) == (4, 1, 3)
    assert agreement.equal_share == 0.75
    assert agreement.findings == {"absent": {"absent": 1}, "present": {"absent": 1, "present": 2}}
    assert agreement.mean_probability_difference == pytest.approx(0.0, abs=1e-12)
    assert agreement.score_correlation == pytest.approx(0.9429, abs=1e-4)
    assert agreement.first_at is not None
    assert agreement.last_at is not None
    assert agreement.first_at <= agreement.last_at


def test_equal_scores_have_no_correlation(database: Database) -> None:
    for number in range(3):
        shadow(database, screen_film(database, number, 0.5), number / 10)
    with database.read() as session:
        assert shadow_screenings.measure_agreement(session, rows.OTHER_DIGEST).score_correlation is None


def test_a_row_that_went_away_meanwhile_is_not_finished(database: Database) -> None:
    instance_id = screen_film(database, 1, 0.9)
    row = begin(database, instance_id)
    assert row is not None
    result = replace(rows.make_result(instance_id, digest=rows.OTHER_DIGEST), priority=Priority.LOW)
    with database.write() as session:
        shadow_screenings.start(session, rows.OTHER_DIGEST)
        shadow_screenings.finish(session, row, result)
        assert session.scalars(select(ShadowScreening)).all() == []


def test_a_result_is_not_that_of_the_film_whose_row_has_its_number_now(database: Database) -> None:
    first, second = (screen_film(database, number, 0.9) for number in (1, 2))
    row = begin(database, first)
    assert row is not None
    with database.write() as session:
        bundles.end_shadow(session)
        shadow_screenings.start(session, rows.OTHER_DIGEST)
    begin(database, second)
    with database.write() as session:
        shadow_screenings.finish(session, row, rows.make_result(first, 0.25, digest=rows.OTHER_DIGEST))
    with database.read() as session:
        assert [(row.instance_id, row.score) for row in session.scalars(select(ShadowScreening))] == [
            (second, None)
        ]


def _strike_out(database: Database, worker: str = WORKER, processes: int = 1) -> bool:
    with database.write() as session:
        return shadow_screenings.strike_out(session, rows.OTHER_DIGEST, worker, processes)


def _put_all_in_shadow(database: Database) -> None:
    with database.write() as session:
        session.execute(update(Model).values(shadow=True))
