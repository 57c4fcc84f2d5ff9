"""Commitments: wanted, asked, committed, failed and sent again, lapsed, parked, asked for anew."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from db.clock import now
from db.database import Database
from db.delivery import commitment_requests, commitments, deliveries, replays
from db.delivery.commitment_requests import AskedReport
from db.delivery.replays import Replayed
from db.films import spooled_files
from db.states import CommitmentState
from db.tables import Commitment, CommitmentItem, Delivery
from tests.unit import rows

HOUR = timedelta(hours=1)
UID = "2.25.1"
"""Of the report of the first screening: see `rows.make_report`."""


@pytest.fixture
def delivery_id(database: Database) -> int:
    """One report that the peer "pacs" has and is to answer for."""
    return _deliver(database, ["pacs"])[0]


def test_a_delivered_report_is_asked_for_once(database: Database, delivery_id: int) -> None:
    with database.read() as session:
        assert commitments.list_due_peers(session) == ["pacs"]
    assert _begin(database, "2.25.91") == [AskedReport("1.2.840.10008.5.1.4.1.1.88.34", UID, "1.2.3.1")]
    assert _begin(database, "2.25.92") == []
    with database.read() as session:
        assert commitments.list_due_peers(session) == []
        assert session.get(Commitment, "2.25.92") is None
    assert _item(database, delivery_id).state == CommitmentState.ASKED


def test_deliveries_are_listed_with_their_commitment(database: Database) -> None:
    asked, unasked = _deliver(database, ["pacs", "archive"])
    _begin(database, "2.25.91", "pacs")
    with database.write() as session:
        session.delete(session.get_one(CommitmentItem, unasked))
    with database.read() as session:
        listed = deliveries.list_deliveries(session, None, 10)
    assert {row.peer: row.commitment for row in listed} == {"pacs": "asked", "archive": None}
    assert [row.delivery_id for row in listed if row.commitment] == [asked]


def test_a_request_waits_for_its_time_and_names_only_its_peer_s_reports(database: Database) -> None:
    first, second = _deliver(database, ["pacs", "archive"])
    with database.write() as session:
        commitments.want(session, second, HOUR)
    assert _begin(database, "2.25.91", "archive") == []
    assert len(_begin(database, "2.25.92", "pacs")) == 1
    assert [_item(database, key).state for key in (first, second)] == ["asked", "wanted"]


def test_requests_at_the_same_time_name_no_report_twice(database: Database) -> None:
    for number in range(1, 13):
        _deliver(database, ["pacs"], f"1.2.3.{number}")
    barrier = Barrier(3)

    def begin(number: int) -> list[AskedReport]:
        barrier.wait(timeout=30)
        return _begin(database, f"2.25.9{number}", limit=4)

    with ThreadPoolExecutor(3) as pool:
        asked = [report.sop_instance_uid for batch in pool.map(begin, range(3)) for report in batch]
    asked += [report.sop_instance_uid for report in _begin(database, "2.25.99", limit=12)]
    assert sorted(asked) == sorted(f"2.25.{number}" for number in range(1, 13))


def test_the_same_answer_twice_changes_nothing(database: Database, delivery_id: int) -> None:
    _begin(database, "2.25.91")
    assert _answer(database, "2.25.91", [UID]) == ("pacs", True, 1, 0)
    first = _item(database, delivery_id)
    assert (first.state, first.last_error) == (CommitmentState.COMMITTED, None)
    assert _answer(database, "2.25.91", [], {UID: 0x0112}) == ("pacs", False, 0, 0)
    assert _item(database, delivery_id).committed_at == first.committed_at


def test_the_peer_of_a_request_and_the_last_sender_that_was_not_believed(
    database: Database, delivery_id: int
) -> None:
    _begin(database, "2.25.91")
    with database.write() as session:
        assert commitment_requests.find_peer(session, "2.25.91") == "pacs"
        assert commitment_requests.find_peer(session, "2.25.404") is None
        assert commitment_requests.list_doubted(session, now() - HOUR) == {}
        commitment_requests.note_doubted(session, "2.25.91", "STRANGER at 192.0.2.9")
    with database.read() as session:
        assert commitment_requests.list_doubted(session, now() - HOUR) == {"pacs": "STRANGER at 192.0.2.9"}
        assert commitment_requests.list_doubted(session, now() + HOUR) == {}
    assert _item(database, delivery_id).state == CommitmentState.ASKED


def test_what_the_peer_does_not_have_is_sent_again_so_often_and_then_parked(
    database: Database, delivery_id: int
) -> None:
    for attempt in range(3):
        assert len(_begin(database, f"2.25.9{attempt}")) == 1
        assert _answer(database, f"2.25.9{attempt}", [], {UID: 0x0112}) == ("pacs", True, 0, 1)
        assert "0x0112" in str(_item(database, delivery_id).last_error)
        assert _settle(database, maximum_resends=2) == ((1, 0) if attempt < 2 else (0, 1))
        if attempt < 2:
            assert _begin(database, "2.25.404") == []  # not asked for before it was sent again
            (due,) = _lease(database)
            assert (due.delivery_id, due.attempts) == (delivery_id, 1)
            _mark(database, delivery_id)
    item = _item(database, delivery_id)
    assert (item.state, item.resends) == (CommitmentState.PARKED, 2)
    assert _delivery(database, delivery_id).state == "delivered"
    assert _lease(database) == []


def test_a_reason_that_sending_again_does_not_mend_parks_at_once(
    database: Database, delivery_id: int
) -> None:
    _begin(database, "2.25.91")
    _answer(database, "2.25.91", [], {UID: 0x0122})
    assert _settle(database, hopeless=[0x0122]) == (0, 1)
    assert _item(database, delivery_id).state == CommitmentState.PARKED


def test_a_request_without_answer_is_made_anew_so_often_and_then_parked(
    database: Database, delivery_id: int
) -> None:
    for attempt in range(3):
        assert len(_begin(database, f"2.25.9{attempt}", answer_within=timedelta(0))) == 1
        with database.write() as session:
            assert commitment_requests.lapse_overdue(session, maximum_requests=3) == 1
            assert commitment_requests.lapse_overdue(session, maximum_requests=3) == 0
    item = _item(database, delivery_id)
    assert (item.state, item.requests) == (CommitmentState.PARKED, 3)
    assert item.last_error == "the peer did not report in time"


def test_an_answer_that_comes_late_counts_for_what_it_commits_and_not_for_what_failed(
    database: Database,
) -> None:
    first, second = _deliver(database, ["pacs"])[0], _deliver(database, ["pacs"], "1.2.3.2")[0]
    _begin(database, "2.25.91", answer_within=timedelta(0))
    with database.write() as session:
        commitment_requests.lapse_overdue(session, maximum_requests=9)
    _begin(database, "2.25.92")
    assert _answer(database, "2.25.91", [UID], {"2.25.2": 0x0112}) == ("pacs", True, 1, 0)
    assert [_item(database, key).state for key in (first, second)] == ["committed", "asked"]
    assert _answer(database, "2.25.92", [UID, "2.25.2"]) == ("pacs", True, 1, 0)
    assert _item(database, second).state == CommitmentState.COMMITTED


def test_a_report_that_the_answer_does_not_name_is_asked_for_again(
    database: Database, delivery_id: int
) -> None:
    _begin(database, "2.25.91")
    assert _answer(database, "2.25.91", []) == ("pacs", True, 0, 0)
    item = _item(database, delivery_id)
    assert (item.state, item.requests) == (CommitmentState.WANTED, 1)
    assert len(_begin(database, "2.25.92")) == 1


def test_a_peer_that_was_away_costs_no_request(database: Database, delivery_id: int) -> None:
    _begin(database, "2.25.91")
    with database.write() as session:
        commitment_requests.ask_again(session, "2.25.91", HOUR, "nothing answers")
    item = _item(database, delivery_id)
    assert (item.state, item.requests, item.last_error) == ("wanted", 0, "nothing answers")
    assert _begin(database, "2.25.92") == []


def test_a_late_word_from_the_courier_does_not_undo_the_peer_s_answer(
    database: Database, delivery_id: int
) -> None:
    _begin(database, "2.25.91")
    _answer(database, "2.25.91", [UID])
    with database.write() as session:
        commitment_requests.ask_again(session, "2.25.91", HOUR, "late", maximum_requests=1)
        commitment_requests.give_up(session, "2.25.91", "late")
        commitments.want(session, delivery_id, HOUR)
    assert _item(database, delivery_id).state == CommitmentState.COMMITTED


def test_what_nobody_asks_for_any_more_or_took_too_long_is_parked_until_replayed(database: Database) -> None:
    gone, slow, fresh = (_deliver(database, [peer], uid)[0] for peer, uid in _THREE)
    with database.write() as session:
        session.get_one(CommitmentItem, slow).wanted_at = now() - 2 * HOUR
    with database.write() as session:
        assert commitments.park_hopeless(session, ["slow", "fresh"], now() - HOUR) == 2
    assert [_item(database, key).state for key in (gone, slow, fresh)] == ["parked", "parked", "wanted"]
    with database.write() as session:
        assert commitments.replay(session, [slow, fresh]) == 1
        assert commitments.replay(session) == 1
        assert commitments.park_hopeless(session, ["gone", "slow", "fresh"], now() - HOUR) == 0


def test_the_film_s_file_stays_until_the_peer_answers_for_the_report(
    database: Database, delivery_id: int
) -> None:
    def may_go() -> bool:
        with database.read() as session:
            return bool(spooled_files.list_done(session, rows.GATEWAY, now(), 9))

    assert not may_go()
    _begin(database, "2.25.91")
    assert not may_go()
    _answer(database, "2.25.91", [], {UID: 0x0110})
    assert not may_go()
    _settle(database)
    assert not may_go()
    _mark(database, delivery_id)
    _begin(database, "2.25.92")
    _answer(database, "2.25.92", [UID])
    assert may_go()


def test_a_parked_commitment_does_not_hold_the_file(database: Database, delivery_id: int) -> None:
    _begin(database, "2.25.91")
    with database.write() as session:
        commitment_requests.give_up(session, "2.25.91", "0x0122: not supported")
        assert len(spooled_files.list_done(session, rows.GATEWAY, now(), 9)) == 1
    assert _item(database, delivery_id).state == CommitmentState.PARKED


def test_a_peer_that_lost_a_report_is_asked_again_after_it_was_sent_again(
    database: Database, delivery_id: int
) -> None:
    _begin(database, "2.25.91")
    _answer(database, "2.25.91", [UID])

    assert replays.replay(database, [delivery_id], "ann") == Replayed()
    assert _item(database, delivery_id).state == CommitmentState.COMMITTED
    assert replays.replay(database, [delivery_id], "ann", delivered=True) == Replayed(deliveries=1)

    item = _item(database, delivery_id)
    assert (item.state, item.committed_at) == (CommitmentState.WANTED, None)
    assert _begin(database, "2.25.92") == [], "the peer does not have it yet"
    _mark(database, delivery_id)
    assert len(_begin(database, "2.25.93")) == 1


_THREE = (("gone", "1.2.3.1"), ("slow", "1.2.3.2"), ("fresh", "1.2.3.3"))


def _deliver(database: Database, peers: Sequence[str], uid: str = "1.2.3.1") -> list[int]:
    """A film whose report is delivered to peers that are to answer for it; returns the deliveries."""
    if uid == "1.2.3.1":
        rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database, uid))
    (report,) = rows.report(database, peers)
    with database.read() as session:
        query = select(Delivery.id).where(Delivery.sop_instance_uid == report).order_by(Delivery.id)
        numbers = list(session.scalars(query))
    for number in numbers:
        _mark(database, number)
    return numbers


def _mark(database: Database, delivery_id: int) -> None:
    with database.write() as session:
        deliveries.mark_delivered(session, delivery_id)
        commitments.want(session, delivery_id, timedelta(0))


def _begin(
    database: Database,
    transaction_uid: str,
    peer: str = "pacs",
    *,
    answer_within: timedelta = HOUR,
    limit: int = 9,
) -> list[AskedReport]:
    with database.write() as session:
        return commitment_requests.begin(session, peer, transaction_uid, answer_within, limit)


def _answer(
    database: Database, transaction_uid: str, committed: list[str], failed: dict[str, int] | None = None
) -> tuple[str, bool, int, int]:
    """Return the peer of the answer, whether it is its first, and the committed and failed reports."""
    with database.write() as session:
        answer = commitment_requests.record_answer(session, transaction_uid, committed, failed or {})
    films = {report.film_sop_instance_uid for report in answer.reports}
    assert films <= {"1.2.3.1", "1.2.3.2"}, "each names the film that its report is about"
    return answer.peer, answer.first, answer.committed, answer.failed


def _settle(database: Database, maximum_resends: int = 3, hopeless: Sequence[int] = ()) -> tuple[int, int]:
    with database.write() as session:
        return commitments.settle_failed(session, maximum_resends, timedelta(0), hopeless)


def _lease(database: Database) -> list[deliveries.DueDelivery]:
    with database.write() as session:
        return deliveries.lease_due(session, HOUR, 9)


def _item(database: Database, delivery_id: int) -> CommitmentItem:
    with database.read() as session:
        return session.get_one(CommitmentItem, delivery_id)


def _delivery(database: Database, delivery_id: int) -> Delivery:
    with database.read() as session:
        return session.get_one(Delivery, delivery_id)
