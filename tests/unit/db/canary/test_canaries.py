"""Canary films, expected scores and verdicts on both kinds of database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from db.canary import canaries, expected_scores, verdicts
from db.canary.canaries import MOST_ATTEMPTS, CanaryEntry
from db.canary.verdicts import JudgedCanary, Verdict
from db.clock import now
from db.database import Database
from db.films import spooled_files
from db.tables import CanaryScore
from domain.array.normalization import SPEC
from domain.film_key import film_key
from tests.unit import rows

UID = "2.25.1"
KEY = film_key(UID)
WAY = ("openvino", "float32")


def issue(database: Database) -> int:
    with database.write() as session:
        return canaries.issue(session, rows.GATEWAY, UID, "d" * 64, timedelta(minutes=5)).id


def arrive(database: Database, uid: str = UID, digest: str = "d" * 64, gateway: str = rows.GATEWAY) -> bool:
    with database.write() as session:
        return canaries.record_arrival(session, gateway, uid, digest, "00/canary.dcm")


def find(database: Database, number: int) -> CanaryEntry | None:
    with database.read() as session:
        return canaries.find(session, number)


def test_a_canary_film_goes_from_its_issue_to_its_score_once(database: Database) -> None:
    rows.register_model(database)
    number = issue(database)
    assert not arrive(database, digest="e" * 64)
    assert not arrive(database, gateway="gateway-2")
    assert not arrive(database, uid="2.25.2")
    with database.write() as session:
        assert canaries.take_next(session, rows.GATEWAY) is None
        assert canaries.begin_attempt(session, number, KEY) is None
    assert arrive(database)
    assert not arrive(database)
    with database.read() as session:
        assert canaries.has_waiting(session, rows.GATEWAY)
        assert spooled_files.find_known(session, ["00/canary.dcm", "00/other.dcm"]) == {"00/canary.dcm"}
    with database.write() as session:
        taken = canaries.take_next(session, rows.GATEWAY)
        assert taken is not None
        assert taken.id == number
        assert canaries.take_next(session, rows.GATEWAY) is None
        assert not canaries.record_dispatch(session, number, "another normalization")
        assert canaries.record_dispatch(session, number, SPEC.version)
        assert canaries.begin_attempt(session, number, film_key("2.25.2")) is None
        for _ in range(MOST_ATTEMPTS):
            assert canaries.begin_attempt(session, number, KEY) == rows.DIGEST
        assert canaries.begin_attempt(session, number, KEY) is None, "it ended its workers too often"
        assert not canaries.record_score(session, number, film_key("2.25.2"), 0.5, WAY, "worker")
        assert canaries.record_score(session, number, KEY, 0.25, WAY, "worker")
        assert not canaries.record_score(session, number, KEY, 0.5, WAY, "worker")
    found = find(database, number)
    assert found is not None
    assert (found.score, found.runtime, found.precision, found.worker) == (0.25, *WAY, "worker")
    with database.write() as session:
        canaries.remove(session, number)
        canaries.fail(session, number, "too late")
        assert canaries.begin_attempt(session, number, KEY) is None
    assert find(database, number) is None


def test_the_expected_score_is_changed_by_a_new_revision_alone_and_two_at_once_are_an_error(
    database: Database,
) -> None:
    rows.register_model(database)
    with database.write() as session:
        assert expected_scores.find(session, rows.DIGEST, 1) is None
        expected_scores.pin(session, rows.DIGEST, 1, 0.25, WAY, "gateway-1", "first")
        expected_scores.pin(session, rows.DIGEST, 1, 0.5, WAY, "ada", "another runtime")
        found = expected_scores.find(session, rows.DIGEST, 1)
        assert expected_scores.find(session, rows.DIGEST, 2) is None
    assert found is not None
    assert (found.revision, found.score, found.pinned_by, found.reason) == (2, 0.5, "ada", "another runtime")
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(
            CanaryScore(
                bundle_digest=rows.DIGEST,
                drawing=1,
                revision=2,
                score=0.1,
                runtime="keras",
                precision="float32",
                pinned_at=now(),
                pinned_by="gateway-2",
                reason="first",
            )
        )


def test_a_verdict_is_an_alarm_when_it_is_not_good_or_when_the_next_one_is_missing(
    database: Database,
) -> None:
    def judge(verdict: Verdict, ahead: timedelta | None) -> tuple[bool, bool]:
        with database.write() as session:
            next_by = None if ahead is None else now() + ahead
            verdicts.record(session, rows.GATEWAY, JudgedCanary(verdict, "because"), next_by)
            (watch,) = verdicts.list_watches(session)
        return watch.is_alarm, watch.is_overdue

    minute = timedelta(minutes=1)
    assert judge(Verdict.SAME, None) == (False, False)
    assert judge(Verdict.SAME, minute) == (False, False)
    for verdict in set(Verdict) - {Verdict.SAME}:
        assert judge(verdict, minute) == (True, False)
    assert judge(Verdict.SAME, -minute) == (True, True)
    assert judge(Verdict.SAME, None) == (True, True), "one out of turn does not stand for the schedule"
    with database.write() as session:
        verdicts.expect_none(session, rows.GATEWAY)
        (watch,) = verdicts.list_watches(session)
        assert not watch.is_alarm
        assert watch.good_at is not None
        assert verdicts.forget(session, rows.GATEWAY)
        assert not verdicts.forget(session, rows.GATEWAY)
        assert verdicts.list_watches(session) == []
