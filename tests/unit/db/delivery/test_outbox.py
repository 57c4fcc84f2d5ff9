"""The outbox: each screening once to each peer, however often it is taken."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from sqlalchemy import func, select

from db.clock import now
from db.database import Database
from db.delivery import outbox
from db.delivery.outbox import ReportableScreening
from db.delivery.report_objects import BuiltReport
from db.tables import Delivery, OutboxEntry, ReportObject
from tests.unit import rows


def test_a_leased_screening_carries_all_that_its_report_needs(database: Database) -> None:
    instance_id = _screen_one(database)
    film = rows.make_film()
    (leased,) = _lease(database)
    assert leased.sop_instance_uid == film.sop_instance_uid
    assert leased.dataset_sha256 == film.dataset_sha256
    assert leased.header == film.header
    assert leased.manifest["name"] == "test-model"
    assert (leased.bundle_digest, leased.operating_point) == (rows.DIGEST, "screening")
    assert (leased.score, leased.finding, leased.priority) == (0.9, "present", "HIGH")
    assert (leased.revision, leased.attempts, leased.predecessor) == (1, 1, None)
    assert leased.finished_at >= rows.read_film(database, instance_id).received_at


def test_a_leased_screening_is_due_again_when_its_lease_ends(database: Database) -> None:
    _screen_one(database)
    assert [screening.attempts for screening in _lease(database)] == [1]
    assert _lease(database) == []
    assert not _has_due(database)
    rows.make_due(database, OutboxEntry)
    assert _has_due(database)
    assert [screening.attempts for screening in _lease(database)] == [2]


def test_screenings_are_leased_oldest_first(database: Database) -> None:
    rows.register_model(database)
    for number in (1, 2, 3):
        rows.screen(database, rows.receive_and_queue(database, f"1.2.3.{number}"))
    assert [screening.sop_instance_uid for screening in _lease(database, limit=2)] == ["1.2.3.1", "1.2.3.2"]


def test_leases_at_the_same_time_take_no_screening_twice(database: Database) -> None:
    rows.register_model(database)
    for number in range(12):
        rows.screen(database, rows.receive_and_queue(database, f"1.2.3.{number}"))
    barrier = Barrier(4)

    def lease(_: int) -> list[ReportableScreening]:
        barrier.wait(timeout=30)
        return _lease(database, limit=3)

    with ThreadPoolExecutor(4) as pool:
        taken = [screening.screening_id for leased in pool.map(lease, range(4)) for screening in leased]
    taken += [screening.screening_id for screening in _lease(database, limit=12)]
    assert sorted(taken) == list(range(1, 13))


def test_a_stored_report_has_one_delivery_for_each_peer(database: Database) -> None:
    _screen_one(database)
    (uid,) = rows.report(database, ["pacs", "ris"])
    with database.read() as session:
        stored = session.get_one(ReportObject, uid)
        deliveries = session.execute(select(Delivery.peer, Delivery.state).order_by(Delivery.peer)).all()
        assert session.scalars(select(OutboxEntry)).all() == []
    assert stored.part10 == rows.make_report(stored.screening_id).part10
    assert [tuple(row) for row in deliveries] == [("pacs", "pending"), ("ris", "pending")]


def test_a_report_stored_twice_keeps_what_the_first_time_wrote(database: Database) -> None:
    _screen_one(database)
    (leased,) = _lease(database)
    first = rows.make_report(leased.screening_id)
    second = BuiltReport(first.sop_instance_uid, first.sop_class_uid, first.kind, b"other bytes")
    for built, peers in ((first, ["pacs"]), (second, ["pacs", "ris"])):
        with database.write() as session:
            rows.store_report(session, leased, built, peers)
    with database.read() as session:
        assert session.scalars(select(ReportObject.part10)).all() == [first.part10]
        assert sorted(session.scalars(select(Delivery.peer))) == ["pacs", "ris"]


def test_without_peers_the_report_is_stored_and_sent_to_nobody(database: Database) -> None:
    _screen_one(database)
    rows.report(database, [])
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ReportObject)) == 1
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0


def test_a_report_that_could_not_be_built_waits_and_says_why(database: Database) -> None:
    _screen_one(database)
    (leased,) = _lease(database)
    with database.write() as session:
        assert outbox.count_failing(session) == 0
        outbox.postpone(session, leased.outbox_id, timedelta(hours=1), "no study date")
    with database.read() as session:
        entry = session.scalars(select(OutboxEntry)).one()
        assert outbox.count_failing(session) == 1
    assert entry.last_error == "no study date"
    assert entry.due_at > now() + timedelta(minutes=59)


def test_a_correction_s_report_knows_the_report_that_it_supersedes(database: Database) -> None:
    rows.register_model(database)
    for content in ("as taken", "corrected"):
        rows.screen(database, rows.receive_and_queue(database, content=content))
        rows.report(database)
    rows.screen(database, rows.receive_and_queue(database, content="corrected again"))
    rows.screen(database, rows.receive_and_queue(database, "1.2.3.99"))
    third, unrelated = _lease(database)
    assert third.revision == 3
    assert third.predecessor == b"the report of screening 2"
    assert unrelated.predecessor is None


def test_a_report_that_comes_late_does_not_supersede_what_came_after_it(database: Database) -> None:
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database, content="as taken"))
    (late,) = _lease(database)
    rows.screen(database, rows.receive_and_queue(database, content="corrected"))
    rows.report(database)
    with database.write() as session:
        outbox.postpone(session, late.outbox_id, timedelta(0), "built later")
    (late,) = _lease(database)
    assert (late.revision, late.predecessor) == (1, None)


def _screen_one(database: Database) -> int:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    rows.screen(database, instance_id)
    return instance_id


def _lease(database: Database, limit: int = 9) -> list[ReportableScreening]:
    with database.write() as session:
        return outbox.lease(session, timedelta(minutes=1), limit)


def _has_due(database: Database) -> bool:
    with database.read() as session:
        return outbox.has_due(session)
