"""Deliveries: leased, sent, retried, parked, replayed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, update

from db.clock import now
from db.database import Database
from db.delivery import deliveries
from db.delivery.deliveries import DueDelivery
from db.states import DeliveryState
from db.tables import Delivery
from tests.unit import rows

LEASE = timedelta(minutes=1)


@pytest.fixture
def delivery_id(database: Database) -> int:
    """One report on its way to one peer."""
    return _make_deliveries(database, ["pacs"])[0]


def test_a_due_delivery_carries_the_report_as_it_was_stored(database: Database, delivery_id: int) -> None:
    (due,) = _lease(database)
    assert due == DueDelivery(
        delivery_id,
        "pacs",
        "2.25.1",
        "1.2.840.10008.5.1.4.1.1.88.34",
        1,
        b"the report of screening 1",
        "1.2.3.1",
    )


def test_a_leased_delivery_is_due_again_when_its_lease_ends(database: Database, delivery_id: int) -> None:
    assert [delivery.attempts for delivery in _lease(database)] == [1]
    assert _lease(database) == []
    assert not _has_due(database)
    rows.make_due(database, Delivery)
    assert _has_due(database)
    assert [delivery.attempts for delivery in _lease(database)] == [2]


def test_deliveries_are_leased_oldest_first(database: Database) -> None:
    first, second, third = _make_deliveries(database, ["a", "b", "c"])
    for number, seconds in ((first, 10), (second, 30), (third, 20)):
        with database.write() as session:
            due_at = now() - timedelta(seconds=seconds)
            session.execute(update(Delivery).where(Delivery.id == number).values(due_at=due_at))
    assert [delivery.delivery_id for delivery in _lease(database, limit=2)] == [second, third]


def test_leases_at_the_same_time_take_no_delivery_twice(database: Database) -> None:
    expected = _make_deliveries(database, [f"peer-{number:02d}" for number in range(24)])
    barrier = Barrier(4)

    def lease(_: int) -> list[DueDelivery]:
        barrier.wait(timeout=30)
        return _lease(database, limit=6)

    with ThreadPoolExecutor(4) as pool:
        taken = [delivery.delivery_id for leased in pool.map(lease, range(4)) for delivery in leased]
    taken += [delivery.delivery_id for delivery in _lease(database, limit=24)]
    assert sorted(taken) == expected


def test_a_peer_s_lease_takes_its_own_reports_in_order_and_hands_back_what_it_did_not_try(
    database: Database,
) -> None:
    first, other, second = _make_deliveries(database, ["a", "b", "c"])
    with database.write() as session:
        for number, seconds in ((first, 10), (second, 30)):
            row = session.get_one(Delivery, number)
            row.due_at = now() - timedelta(seconds=seconds)
            session.flush()
    with database.read() as session:
        assert deliveries.list_due_peers(session, ["c", "a", "z"]) == ["c", "a"]
        assert deliveries.list_other_due_peers(session, ["c", "a"]) == ["b"]
    assert [delivery.delivery_id for delivery in _lease(database, peer="b")] == [other]
    assert [delivery.delivery_id for delivery in _lease(database)] == [second, first]
    with database.write() as session:
        deliveries.mark_delivered(session, first)
        deliveries.hand_back(session, [first, second])
    (again,) = _lease(database)
    assert (again.delivery_id, again.attempts) == (second, 1)


def test_a_delivered_report_is_never_due_again(database: Database, delivery_id: int) -> None:
    _lease(database)
    for _ in range(2):
        with database.write() as session:
            deliveries.mark_delivered(session, delivery_id)
    rows.make_due(database, Delivery)
    row = _read(database, delivery_id)
    assert row.state == DeliveryState.DELIVERED
    assert row.delivered_at is not None
    assert row.delivered_at >= row.created_at
    assert _lease(database) == []


def test_marking_delivered_twice_keeps_the_first_time(database: Database, delivery_id: int) -> None:
    with database.write() as session:
        deliveries.mark_delivered(session, delivery_id)
    first = _read(database, delivery_id).delivered_at
    with database.write() as session:
        deliveries.mark_delivered(session, delivery_id)
    assert _read(database, delivery_id).delivered_at == first


def test_a_transient_failure_waits_and_says_why(database: Database, delivery_id: int) -> None:
    _lease(database)
    with database.write() as session:
        deliveries.retry_later(session, delivery_id, timedelta(hours=1), "connection refused")
    row = _read(database, delivery_id)
    assert (row.state, row.last_error, row.attempts) == ("pending", "connection refused", 1)
    assert row.due_at > now() + timedelta(minutes=59)


def test_a_success_after_a_failure_clears_the_error(database: Database, delivery_id: int) -> None:
    with database.write() as session:
        deliveries.retry_later(session, delivery_id, timedelta(0), "connection refused")
        deliveries.mark_delivered(session, delivery_id)
    assert _read(database, delivery_id).last_error is None


def test_a_parked_delivery_is_not_due_until_it_is_replayed(database: Database, delivery_id: int) -> None:
    _lease(database)
    with database.write() as session:
        deliveries.park(session, delivery_id, "0xA900")
    rows.make_due(database, Delivery)
    assert _lease(database) == []
    assert _read(database, delivery_id).last_error == "0xA900"
    with database.write() as session:
        assert deliveries.replay(session) == 1
    (due,) = _lease(database)
    assert (due.delivery_id, due.attempts) == (delivery_id, 1)


def test_a_parked_report_that_another_courier_brought_there_is_delivered(
    database: Database, delivery_id: int
) -> None:
    with database.write() as session:
        deliveries.park(session, delivery_id, "0xA900")
    _mark_delivered(database, delivery_id)
    row = _read(database, delivery_id)
    assert (row.state, row.last_error) == (DeliveryState.DELIVERED, None)


@pytest.mark.parametrize("late", [deliveries.park, None])
def test_nothing_late_moves_a_delivered_report(database: Database, delivery_id: int, late: object) -> None:
    with database.write() as session:
        deliveries.mark_delivered(session, delivery_id)
        if late is None:
            deliveries.retry_later(session, delivery_id, timedelta(0), "late")
        else:
            deliveries.park(session, delivery_id, "late")
    row = _read(database, delivery_id)
    assert (row.state, row.last_error) == (DeliveryState.DELIVERED, None)


def test_replay_takes_those_named_or_all(database: Database) -> None:
    first, second, third, sent = _make_deliveries(database, ["a", "b", "c", "d"])
    with database.write() as session:
        for number in (first, second, third):
            deliveries.park(session, number, "0xA900")
        deliveries.mark_delivered(session, sent)
    with database.write() as session:
        assert deliveries.replay(session, [second, sent]) == 1
    assert [delivery.delivery_id for delivery in _lease(database)] == [second]
    with database.write() as session:
        assert deliveries.replay(session) == 2
        assert deliveries.replay(session) == 0


def test_the_list_is_newest_first_and_can_be_filtered(database: Database) -> None:
    first, second, third = _make_deliveries(database, ["a", "b", "c"])
    with database.write() as session:
        deliveries.park(session, second, "0xA900")
    with database.read() as session:
        everything = deliveries.list_deliveries(session, None, 9)
        newest = deliveries.list_deliveries(session, None, 2)
        parked = deliveries.list_deliveries(session, DeliveryState.PARKED, 9)
    assert [row.delivery_id for row in everything] == [third, second, first]
    assert [row.delivery_id for row in newest] == [third, second]
    assert [(row.delivery_id, row.kind, row.last_error) for row in parked] == [(second, "sr", "0xA900")]


def _make_deliveries(database: Database, peers: Sequence[str]) -> list[int]:
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database))
    rows.report(database, peers)
    with database.read() as session:
        return list(session.scalars(select(Delivery.id).order_by(Delivery.id)))


def _lease(database: Database, limit: int = 9, peer: str | None = None) -> list[DueDelivery]:
    with database.write() as session:
        return deliveries.lease_due(session, LEASE, limit, peer)


def _has_due(database: Database) -> bool:
    with database.read() as session:
        return deliveries.list_due_peers(session, ["pacs"]) != []


def _mark_delivered(database: Database, delivery_id: int) -> None:
    with database.write() as session:
        deliveries.mark_delivered(session, delivery_id)


def _read(database: Database, delivery_id: int) -> Delivery:
    with database.read() as session:
        return session.get_one(Delivery, delivery_id)
