"""Users, their sessions and tokens, and who waits after failing to log in."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from db.accounts import api_tokens, login_attempts, users, web_sessions
from db.accounts.login_attempts import Subject
from db.accounts.users import UserEntry
from db.clock import now
from db.database import Database
from db.tables.accounts import LoginAttempt, WebSession
from domain.errors import PermanentError
from domain.roles import Permission, Role

HOUR = timedelta(hours=1)


def add(database: Database, name: str = "rosa", role: Role = Role.READER) -> UserEntry:
    with database.write() as session:
        return users.add(session, name, role, f"hash of {name}")


def test_users_are_kept_once_whatever_their_case(database: Database) -> None:
    rosa = add(database, " Rosa ")
    assert (rosa.name, rosa.role, rosa.disabled) == ("rosa", Role.READER, False)
    with pytest.raises(PermanentError, match="already"):
        add(database, "ROSA")
    add(database, "ada@hospital.example", Role.ADMIN)
    with database.write() as session:
        assert users.count(session) == 2
        assert [user.name for user in users.list_users(session)] == ["ada@hospital.example", "rosa"]
        found = users.find_credentials(session, "rOsA")
        assert found is not None
        assert (found.user, found.password_hash) == (rosa, "hash of  Rosa ")
        assert users.find_credentials(session, "rosa\0") is None
        users.set_role(session, "rosa", Role.MANAGER)
        users.set_disabled(session, "rosa", True)
    with database.read() as session:
        found = users.find_credentials(session, "rosa")
    assert found is not None
    assert (found.user.role, found.user.may(Permission.WORKLIST)) == (Role.MANAGER, False)


@pytest.mark.parametrize("name", ["", " ", "-rosa", "rosa luz", "r" * 65, "röschen", "'; --"])
def test_a_name_that_is_none_is_refused(sqlite_database: Database, name: str) -> None:
    with pytest.raises(PermanentError, match="letters a to z"):
        add(sqlite_database, name)


def test_a_session_lives_until_it_is_over_unused_or_its_user_out(database: Database) -> None:
    rosa = add(database)
    with database.write() as session:
        for name in ("one", "two", "old"):
            web_sessions.begin(session, name, rosa.id, HOUR if name != "old" else -HOUR)
    with database.read() as session:
        found = web_sessions.find(session, "one", HOUR)
        assert found is not None
        assert (found.user, found.is_stale) == (rosa, False)
        assert web_sessions.find(session, "old", HOUR) is None
        assert web_sessions.find(session, "none", HOUR) is None
        assert web_sessions.find(session, "one", timedelta(0)) is None
    with database.write() as session:
        session.execute(update(WebSession).values(used_at=now() - timedelta(minutes=2)))
        stale = web_sessions.find(session, "two", HOUR)
        assert stale is not None
        assert stale.is_stale
        web_sessions.touch(session, "two")
        web_sessions.end(session, "one")
        web_sessions.begin(session, "three", rosa.id, HOUR)
        assert sorted(session.scalars(select(WebSession.token_hash))) == ["three", "two"], (
            "old ones are swept"
        )
        users.set_password(session, "rosa", "new", keep_session="three")
        assert session.scalars(select(WebSession.token_hash)).all() == ["three"]
        users.set_disabled(session, "rosa", True)
        assert session.scalar(select(func.count()).select_from(WebSession)) == 0


def test_a_token_is_found_until_it_is_revoked(database: Database) -> None:
    rosa = add(database)
    with database.write() as session:
        issued = api_tokens.issue(session, rosa, "RIS", "hash", [Permission.WORKLIST], HOUR)
        assert (issued.user, issued.is_stale) == (rosa, True)
        api_tokens.touch(session, issued.id)
    with database.write() as session:
        found = api_tokens.find(session, "hash")
        assert found is not None
        assert (found.is_stale, found.may(Permission.WORKLIST), found.may(Permission.READ)) == (
            False,
            True,
            False,
        )
        assert api_tokens.find(session, "other") is None
        api_tokens.revoke(session, issued.id)
        assert api_tokens.find(session, "hash") is None


def test_attempts_at_once_are_not_more_than_one_by_one(database: Database) -> None:
    subjects = (Subject("user:rosa", 3, HOUR), Subject("address:here", 100, HOUR))
    with database.write() as session:  # the next failure costs a long pause
        session.add(LoginAttempt(subject="user:rosa", failures=12, failed_at=now()))
    barrier = threading.Barrier(8)
    allowed = []

    def attempt() -> None:
        barrier.wait(20)
        with database.write() as session:
            allowed.append(login_attempts.begin(session, subjects) is None)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(allowed) == 8
    assert sum(allowed) == 1
    with database.read() as session:
        counted = dict(session.execute(select(LoginAttempt.subject, LoginAttempt.failures)).tuples().all())
    assert counted == {"user:rosa": 13, "address:here": 1}


def test_a_pause_doubles_up_to_the_longest_and_ends_with_a_success(sqlite_database: Database) -> None:
    subject = Subject("user:rosa", 2, timedelta(seconds=5))
    pauses = []
    for _ in range(6):
        with sqlite_database.write() as session:
            assert login_attempts.begin(session, (subject,)) is None
        with sqlite_database.write() as session:
            row = session.get_one(LoginAttempt, "user:rosa")
            assert row.paused_until is not None
            pauses.append(round((row.paused_until - row.failed_at).total_seconds()))
            row.paused_until = now()
    assert pauses == [0, 1, 2, 4, 5, 5]
    with sqlite_database.write() as session:
        session.add(LoginAttempt(subject="old", failures=9, failed_at=now() - 2 * HOUR))
        login_attempts.succeed(session, "user:rosa", "address:here")
    with sqlite_database.read() as session:
        assert session.scalars(select(LoginAttempt.subject)).all() == []


def test_failures_are_forgotten_after_an_hour(sqlite_database: Database) -> None:
    subject = Subject("user:rosa", 2, HOUR)
    with sqlite_database.write() as session:
        session.add(LoginAttempt(subject="user:rosa", failures=30, failed_at=now() - 1.1 * HOUR))
    with sqlite_database.write() as session:
        assert login_attempts.begin(session, (subject,)) is None
        assert session.get_one(LoginAttempt, "user:rosa").failures == 1
