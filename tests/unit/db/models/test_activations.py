"""The history of the active bundle: every change is written down, and there is a way back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from db.database import Database
from db.models import activations, bundles
from domain.errors import PermanentError, TransientError
from tests.unit import rows

FIRST, SECOND, THIRD = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture(autouse=True)
def registered(database: Database) -> None:
    """Three bundles, none active."""
    for digest in (FIRST, SECOND, THIRD):
        rows.register_model(database, digest, name=digest[0], active=False)


def activate(database: Database, digest: str, instead_of: str | None, **changes: str) -> None:
    with database.write() as session:
        activations.switch_to(session, digest, "me@here", instead_of=instead_of, **changes)


def roll_back(database: Database) -> tuple[str | None, str]:
    with database.write() as session:
        return activations.switch_back(session, "me@here")


def read_active(database: Database) -> str | None:
    with database.read() as session:
        active = bundles.find_active(session)
    return None if active is None else active.digest


def test_an_activation_is_written_down(database: Database) -> None:
    activate(database, FIRST, None)
    comparison = {"difference": {"value": -0.1, "low": -0.2, "high": -0.01}}
    with database.write() as session:
        activations.switch_to(
            session,
            SECOND,
            "me@here",
            instead_of=FIRST,
            forced_reason="the other is broken",
            comparison=comparison,
        )
    with database.read() as session:
        newest, oldest = activations.list_activations(session)
        assert activations.list_activations(session, SECOND) == [newest]
    assert (newest.bundle_digest, newest.previous_digest, newest.rollback) == (SECOND, FIRST, False)
    assert (newest.activated_by, newest.forced_reason) == ("me@here", "the other is broken")
    assert newest.comparison == comparison
    assert newest.activated_at >= oldest.activated_at
    assert (oldest.previous_digest, oldest.forced_reason, oldest.comparison) == (None, None, None)
    assert read_active(database) == SECOND


def test_activating_the_active_one_again_leaves_no_trace(database: Database) -> None:
    activate(database, FIRST, None)
    activate(database, FIRST, FIRST)
    activate(database, FIRST, None)  # another process had the same idea before this one looked
    with database.read() as session:
        assert len(activations.list_activations(session)) == 1


def test_rolling_back_walks_back_through_the_history_and_then_refuses(database: Database) -> None:
    activate(database, FIRST, None)
    activate(database, SECOND, FIRST)
    activate(database, THIRD, SECOND)
    assert roll_back(database) == (THIRD, SECOND)
    assert roll_back(database) == (SECOND, FIRST)
    with pytest.raises(PermanentError, match="models activate DIGEST"):
        roll_back(database)
    assert read_active(database) == FIRST
    with database.read() as session:
        newest = activations.list_activations(session)[0]
        assert activations.find_previous(session) is None
    assert (newest.bundle_digest, newest.previous_digest, newest.rollback) == (FIRST, SECOND, True)


def test_an_activation_after_a_rollback_is_rolled_back_to_where_it_began(database: Database) -> None:
    activate(database, FIRST, None)
    activate(database, SECOND, FIRST)
    roll_back(database)
    activate(database, THIRD, FIRST)
    with database.read() as session:
        assert activations.find_previous(session) == FIRST
    assert roll_back(database) == (THIRD, FIRST)


def test_a_bundle_that_was_active_before_there_was_a_history_is_gone_back_to(database: Database) -> None:
    with database.write() as session:
        bundles.mark_active(session, FIRST)
    with database.read() as session:
        assert activations.find_previous(session) is None
    activate(database, SECOND, FIRST)
    assert roll_back(database) == (SECOND, FIRST)


def test_a_decision_that_was_taken_about_another_active_bundle_is_not_carried_out(database: Database) -> None:
    activate(database, FIRST, None)
    activate(database, SECOND, FIRST)
    with pytest.raises(TransientError, match="try again"):
        activate(database, THIRD, FIRST)
    assert read_active(database) == SECOND


def test_of_several_activations_at_the_same_time_one_holds(database: Database) -> None:
    activate(database, FIRST, None)
    barrier = Barrier(4)

    def change(digest: str) -> bool:
        barrier.wait(timeout=30)
        try:
            activate(database, digest, FIRST)
        except TransientError as error:
            return "try again" not in str(error)
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(change, [SECOND, THIRD, SECOND, THIRD]))
    winner = read_active(database)
    assert winner in (SECOND, THIRD)
    assert [digest == winner for digest in (SECOND, THIRD, SECOND, THIRD)] == done
    with database.read() as session:
        assert [activation.bundle_digest for activation in activations.list_activations(session)] == [
            winner,
            FIRST,
        ]


def test_an_unknown_bundle_is_not_activated(database: Database) -> None:
    with pytest.raises(PermanentError, match="no bundle dddddddddddd "):
        activate(database, "d" * 64, None)


def test_a_bundle_that_becomes_active_leaves_the_shadow(database: Database) -> None:
    activate(database, FIRST, None)
    with database.write() as session:
        bundles.put_in_shadow(session, SECOND)
    activate(database, SECOND, FIRST)
    with database.read() as session:
        assert bundles.find_shadow(session) is None
