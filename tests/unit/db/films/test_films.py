"""A film between its reception and its result: leased, pinned, queued, taken back, refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, update

from db.clock import now
from db.database import Database
from db.films import films
from db.films.films import PinnedBundle
from db.films.receptions import Reception
from db.models import bundles
from db.states import FilmState
from db.tables import Instance, Rendition
from domain.array.normalization import SPEC
from domain.codes import Doubt, Observation, Refusal
from domain.errors import PermanentError
from tests.unit import rows

LEASE = timedelta(minutes=1)


def test_films_are_leased_in_the_order_in_which_they_became_due(database: Database) -> None:
    rows.register_model(database)
    first, third = (rows.receive(database, f"1.2.3.{number}").instance_id for number in (1, 3))
    queued = rows.receive_and_queue(database, "1.2.3.2")
    for instance_id, seconds_ago in ((first, 10), (third, 30), (queued, 20)):
        _set_due(database, instance_id, -seconds_ago)
    with database.write() as session:
        leased = films.lease_due(session, rows.GATEWAY, LEASE, limit=2)
    assert [film.instance_id for film in leased] == [third, queued]
    assert (leased[0].spool_path, leased[0].sop_instance_uid) == ("00/1.2.3.3.dcm", "1.2.3.3")


def test_a_leased_film_is_due_again_only_when_its_lease_ends_and_each_lease_is_counted(
    database: Database,
) -> None:
    rows.receive(database)
    counted = []
    for _ in range(3):
        with database.write() as session:
            counted += [
                film.preparation_attempts for film in films.lease_due(session, rows.GATEWAY, LEASE, 9)
            ]
        with database.write() as session:
            assert films.lease_due(session, rows.GATEWAY, LEASE, 9) == []
        rows.make_due(database, Instance)
    assert counted == [1, 2, 3]


def test_a_gateway_leases_only_its_own_films(database: Database) -> None:
    rows.receive(database, gateway="another")
    with database.write() as session:
        assert films.lease_due(session, rows.GATEWAY, LEASE, 9) == []
        assert films.next_due_at(session, rows.GATEWAY) is None
        assert len(films.lease_due(session, "another", LEASE, 9)) == 1


def test_a_gateway_that_starts_takes_up_what_its_predecessor_had_leased(database: Database) -> None:
    rows.register_model(database)
    taken = rows.receive(database, "1.2.3.1").instance_id
    queued = rows.receive_and_queue(database, "1.2.3.2")
    other = rows.receive(database, "1.2.3.3", gateway="another").instance_id
    with database.write() as session:
        for gateway in (rows.GATEWAY, "another"):
            assert len(films.lease_due(session, gateway, LEASE, 9)) == 1
    with database.write() as session:
        assert films.end_leases(session, rows.GATEWAY) == 1
    with database.write() as session:
        due = films.lease_due(session, rows.GATEWAY, LEASE, 9)
    assert [(film.instance_id, film.preparation_attempts) for film in due] == [(taken, 2)]
    assert rows.read_film(database, queued).due_at > now(), "a worker may be at it"
    assert rows.read_film(database, other).due_at > now(), "its gateway may be at it"


def test_leases_at_the_same_time_take_no_film_twice(database: Database) -> None:
    expected = {rows.receive(database, f"1.2.3.{number}").instance_id for number in range(1, 21)}
    barrier = Barrier(4)

    def lease(_: int) -> list[int]:
        barrier.wait(timeout=30)
        with database.write() as session:
            return [film.instance_id for film in films.lease_due(session, rows.GATEWAY, LEASE, 5)]

    with ThreadPoolExecutor(4) as pool:
        taken = [instance_id for leased in pool.map(lease, range(4)) for instance_id in leased]
    assert len(taken) == len(set(taken))
    assert set(taken) <= expected
    with database.write() as session:
        taken += [film.instance_id for film in films.lease_due(session, rows.GATEWAY, LEASE, 20)]
    assert sorted(taken) == sorted(expected)


def test_a_queued_film_past_its_time_becomes_received_again(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    with database.write() as session:
        assert films.lease_due(session, rows.GATEWAY, LEASE, 9) == []
    rows.make_due(database, Instance)
    with database.write() as session:
        assert [film.instance_id for film in films.lease_due(session, rows.GATEWAY, LEASE, 9)] == [
            instance_id
        ]
    assert rows.read_film(database, instance_id).state == FilmState.RECEIVED


@pytest.mark.parametrize("end", ["screened", "refused"])
def test_a_film_at_its_end_is_not_leased(database: Database, end: str) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    if end == "screened":
        rows.screen(database, instance_id)
    else:
        with database.write() as session:
            films.refuse(session, instance_id, Refusal.UNDECODABLE, "no pixels")
    rows.make_due(database, Instance)
    with database.write() as session:
        assert films.lease_due(session, rows.GATEWAY, LEASE, 9) == []
        assert films.next_due_at(session, rows.GATEWAY) is None


def test_next_due_is_the_earliest_of_what_waits(database: Database) -> None:
    first, second = (rows.receive(database, f"1.2.3.{n}").instance_id for n in (1, 2))
    _set_due(database, first, 500)
    _set_due(database, second, 100)
    with database.read() as session:
        assert films.next_due_at(session, rows.GATEWAY) == rows.read_film(database, second).due_at


@pytest.mark.parametrize(("count_attempt", "left"), [(True, 1), (False, 0)])
def test_a_postponed_film_waits_and_an_outage_is_not_its_strike(
    database: Database, count_attempt: bool, left: int
) -> None:
    instance_id = rows.receive(database).instance_id
    with database.write() as session:
        films.lease_due(session, rows.GATEWAY, LEASE, 9)
        films.postpone(session, instance_id, timedelta(hours=1), count_attempt=count_attempt)
    film = rows.read_film(database, instance_id)
    assert film.preparation_attempts == left
    assert film.due_at > now() + timedelta(minutes=59)
    assert film.state == FilmState.RECEIVED


def test_preparation_keeps_the_newest_rendition_and_doubts(database: Database) -> None:
    instance_id = rows.receive(database).instance_id
    for jpeg, doubts in ((b"first", [Doubt.AGE_UNKNOWN]), (b"second", [Doubt.VIEW_UNKNOWN])):
        with database.write() as session:
            films.record_preparation(
                session,
                instance_id,
                jpeg,
                doubts,
                observations=[Observation.INVERTED],
                transforms={"slope": len(jpeg)},
            )
    film = rows.read_film(database, instance_id)
    assert film.doubts == ["view_unknown"]
    assert film.observations == ["inverted"]
    assert film.prepared_at is not None
    assert film.prepared_at >= film.received_at
    with database.read() as session:
        assert session.execute(select(Rendition.jpeg, Rendition.transforms)).all() == [
            (b"second", {"slope": 6})
        ]


def test_without_an_active_bundle_nothing_is_pinned(database: Database) -> None:
    rows.register_model(database, active=False)
    instance_id = rows.receive(database).instance_id
    with database.write() as session:
        assert films.pin_bundle(session, instance_id, SPEC.version) is None
    assert rows.read_film(database, instance_id).bundle_digest is None


def test_a_bundle_stays_pinned_after_another_is_activated(database: Database) -> None:
    rows.register_model(database, rows.DIGEST, name="first", reported="screening")
    before = rows.receive(database, "1.2.3.1").instance_id
    with database.write() as session:
        films.pin_bundle(session, before, SPEC.version)
    rows.register_model(database, rows.OTHER_DIGEST, name="second", reported="rule_in")
    after = rows.receive(database, "1.2.3.2").instance_id
    with database.write() as session:
        assert films.pin_bundle(session, before, SPEC.version) == PinnedBundle(rows.DIGEST, "screening")
        assert films.pin_bundle(session, after, SPEC.version) == PinnedBundle(rows.OTHER_DIGEST, "rule_in")


def test_a_bundle_that_wants_other_arrays_is_not_pinned(database: Database) -> None:
    rows.register_model(database, rows.DIGEST, normalization="another-1")
    instance_id = rows.receive(database).instance_id
    with database.write() as session:
        assert films.pin_bundle(session, instance_id, SPEC.version) is None
    rows.register_model(database, rows.OTHER_DIGEST)
    with database.write() as session:
        assert films.pin_bundle(session, instance_id, SPEC.version) == PinnedBundle(
            rows.OTHER_DIGEST, "screening"
        )


def test_films_that_failed_get_another_chance_with_the_bundle_of_the_day(database: Database) -> None:
    rows.register_model(database, rows.DIGEST)
    failed, refused = (
        rows.receive_and_queue(database, "1.2.3.1"),
        rows.receive(database, "1.2.3.2").instance_id,
    )
    with database.write() as session:
        films.refuse(session, failed, Refusal.PROCESSING_FAILED, "three strikes")
        films.refuse(session, refused, Refusal.NOT_CHEST, "")
    with database.write() as session:
        assert films.retry_failed(session) == 1
    film = rows.read_film(database, failed)
    assert (film.state, film.refusal, film.bundle_digest) == ("received", None, None)
    assert (film.preparation_attempts, film.screening_attempts) == (0, 0)
    assert (film.preparation_strikes, film.screening_strikes) == (0, 0)
    assert rows.read_film(database, refused).state == "refused"
    with database.read() as session:
        assert films.next_due_at(session, film.gateway) is not None


def test_only_a_waiting_film_is_queued_and_its_preparation_strikes_are_forgiven(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive(database).instance_id
    with database.write() as session:
        films.lease_due(session, rows.GATEWAY, LEASE, 9)
    rows.queue(database, instance_id)
    film = rows.read_film(database, instance_id)
    assert (film.state, film.preparation_attempts) == (FilmState.QUEUED, 0)
    assert film.queued_at is not None
    assert film.due_at > film.queued_at
    with database.write() as session:
        assert films.mark_queued(session, instance_id, LEASE) is False
        films.refuse(session, instance_id, Refusal.UNDECODABLE, "no pixels")
        assert films.mark_queued(session, instance_id, LEASE) is False


def test_what_the_broker_did_not_take_is_received_again(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    with database.write() as session:
        films.mark_unsent(session, instance_id, timedelta(0))
    assert rows.read_film(database, instance_id).state == FilmState.RECEIVED
    with database.write() as session:
        assert len(films.lease_due(session, rows.GATEWAY, LEASE, 9)) == 1


def test_a_screened_film_cannot_be_taken_back(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    rows.screen(database, instance_id)
    with database.write() as session:
        films.mark_unsent(session, instance_id, timedelta(0))
    assert rows.read_film(database, instance_id).state == FilmState.SCREENED


@pytest.mark.parametrize("refusal", Refusal)
def test_a_refusal_is_kept_with_its_reason(sqlite_database: Database, refusal: Refusal) -> None:
    instance_id = rows.receive(sqlite_database).instance_id
    with sqlite_database.write() as session:
        assert films.refuse(session, instance_id, refusal, "what was seen")
    film = rows.read_film(sqlite_database, instance_id)
    assert (film.state, film.refusal, film.refusal_detail) == (FilmState.REFUSED, refusal, "what was seen")


def test_the_first_refusal_stands(database: Database) -> None:
    instance_id = rows.receive(database).instance_id
    with database.write() as session:
        assert films.refuse(session, instance_id, Refusal.NOT_CHEST, "a hand")
    with database.write() as session:
        assert films.refuse(session, instance_id, Refusal.UNDER_AGE, "a child") is False
    film = rows.read_film(database, instance_id)
    assert (film.refusal, film.refusal_detail) == (Refusal.NOT_CHEST, "a hand")


def test_a_screened_film_is_not_refused(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive_and_queue(database)
    rows.screen(database, instance_id)
    with database.write() as session:
        assert films.refuse(session, instance_id, Refusal.PROCESSING_FAILED, "late") is False
    assert rows.read_film(database, instance_id).refusal is None


def test_a_correction_and_a_refusal_at_the_same_time_do_not_wait_for_each_other(database: Database) -> None:
    """Both touch the film's row and its study's: in one order, or each would wait for the other."""
    for number in range(12):
        uid = f"1.2.3.{number}"
        instance_id = rows.receive(database, uid, "as taken").instance_id
        barrier = Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            refused = pool.submit(_refuse_at, barrier, database, instance_id)
            corrected = pool.submit(_receive_at, barrier, database, uid, "corrected")
            assert refused.result(timeout=60)
            assert corrected.result(timeout=60).revision == 2


def test_activating_an_unknown_bundle_changes_nothing(database: Database) -> None:
    rows.register_model(database)
    with pytest.raises(PermanentError, match="no bundle cccccccccccc is registered"):
        _activate(database, "c" * 64)
    with database.read() as session:
        active = bundles.find_active(session)
    assert active is not None
    assert active.digest == rows.DIGEST


def _refuse_at(barrier: Barrier, database: Database, instance_id: int) -> bool:
    barrier.wait(timeout=30)
    with database.write() as session:
        return films.refuse(session, instance_id, Refusal.NOT_CHEST, "a hand")


def _receive_at(barrier: Barrier, database: Database, uid: str, content: str) -> Reception:
    barrier.wait(timeout=30)
    return rows.receive(database, uid, content)


def _activate(database: Database, digest: str) -> None:
    with database.write() as session:
        bundles.mark_active(session, digest)


def _set_due(database: Database, instance_id: int, seconds: float) -> None:
    with database.write() as session:
        moment = now() + timedelta(seconds=seconds)
        session.execute(update(Instance).where(Instance.id == instance_id).values(due_at=moment))


def test_urgent_films_are_taken_before_those_that_wait_longer(database: Database) -> None:
    waiting = [rows.receive(database, f"1.2.3.{number}").instance_id for number in range(3)]
    urgent = rows.receive(database, "1.2.3.9", urgent=True).instance_id
    with database.write() as session:
        first = films.lease_due(session, rows.GATEWAY, LEASE, 9, urgent=True)
        rest = films.lease_due(session, rows.GATEWAY, LEASE, 9)
    assert [(film.instance_id, film.urgent) for film in first] == [(urgent, True)]
    assert [(film.instance_id, film.urgent) for film in rest] == [(due, False) for due in waiting]


def test_a_dispatch_was_in_vain_if_its_message_is_gone_and_not_while_no_worker_works(
    database: Database,
) -> None:
    rows.register_model(database)
    alone, overtaken, later, urgent = (
        rows.receive_and_queue(database, f"1.2.3.{number}", urgent=number == 4) for number in range(1, 5)
    )

    def lease(film: int, *, queue_is_empty: bool) -> int:
        _set_due(database, film, -1)
        with database.write() as session:
            (leased,) = films.lease_due(session, rows.GATEWAY, LEASE, 9, queue_is_empty=queue_is_empty)
        assert leased.instance_id == film
        rows.queue(database, film)
        return leased.vain_dispatches

    rows.screen(database, urgent)
    assert lease(alone, queue_is_empty=False) == 0, "an urgent film overtakes what waits"
    rows.screen(database, later)
    assert lease(overtaken, queue_is_empty=False) == 1, "a film that was dispatched later is screened"
    assert lease(overtaken, queue_is_empty=False) == 1, "it is dispatched anew, behind that film"
    assert lease(alone, queue_is_empty=True) == 1, "no message waits"


def test_a_retried_film_has_its_dispatches_again(database: Database) -> None:
    rows.register_model(database)
    film = rows.receive_and_queue(database)
    _set_due(database, film, -1)
    with database.write() as session:
        films.lease_due(session, rows.GATEWAY, LEASE, 9, queue_is_empty=True)
        films.refuse(session, film, Refusal.PROCESSING_FAILED, "in vain")
    with database.write() as session:
        assert films.retry_failed(session) == 1
    assert rows.read_film(database, film).vain_dispatches == 0
