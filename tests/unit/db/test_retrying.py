"""A transaction is tried again for a deadlock and, with patience, for an outage; not for its own mistakes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from db.database import Database
from db.retrying import write_again
from db.settings import DatabaseSettings
from tests.servers.ports import free_port

LOCK = text("SELECT pg_advisory_xact_lock(:key)")


def test_of_two_that_wait_for_each_other_both_come_to_their_end(postgresql_database: Database) -> None:
    both_hold_one = threading.Barrier(2)

    def take(first: int, second: int) -> int:
        attempts = 0

        def work(session: Session) -> None:
            nonlocal attempts
            attempts += 1
            session.execute(LOCK, {"key": first})
            if attempts == 1:
                both_hold_one.wait(timeout=30)
            session.execute(LOCK, {"key": second})

        write_again(postgresql_database, work)
        return attempts

    with ThreadPoolExecutor(2) as pool:
        attempts = list(pool.map(take, (101, 102), (102, 101)))
    assert sorted(attempts) == [1, 2]


def test_an_outage_is_waited_for_as_long_as_there_is_patience() -> None:
    away = Database.open(DatabaseSettings(url=f"postgresql://tbscreen@127.0.0.1:{free_port()}/none"))
    attempts = []

    def work(session: Session) -> None:
        session.execute(text("SELECT 1"))

    @event.listens_for(away.engine, "do_connect")
    def count(*_: object) -> None:
        attempts.append(1)

    with pytest.raises(OperationalError):
        write_again(away, work)
    assert len(attempts) == 1
    with pytest.raises(OperationalError):
        write_again(away, work, patience_s=0.3)
    assert len(attempts) > 2


def test_a_mistake_is_not_repeated(database: Database) -> None:
    attempts = 0

    def work(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        session.execute(text("INSERT INTO renditions (instance_id, jpeg) VALUES (NULL, NULL)"))

    with pytest.raises(IntegrityError):
        write_again(database, work, patience_s=60)
    assert attempts == 1
