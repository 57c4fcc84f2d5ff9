"""Threads that wait for each other share a commit; an error of one of them is its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.database import Database
from db.films import receptions
from db.group_commit import GroupCommit
from db.tables import Instance
from tests.servers.ports import wait_until
from tests.unit import rows

WAITING = 5


def receive(number: int) -> Callable[[Session], receptions.Reception]:
    return lambda session: receptions.record_reception(session, rows.make_film(f"1.2.3.{number}"))


def write_together(
    group: GroupCommit, works: list[Callable[[Session], receptions.Reception]]
) -> list[Future[receptions.Reception]]:
    """Let all works wait while a first one writes; return their ended futures."""
    writes, goes_on = threading.Event(), threading.Event()

    def hold_up(session: Session) -> None:
        writes.set()
        assert goes_on.wait(60)

    with ThreadPoolExecutor(len(works) + 1) as pool:
        first = pool.submit(group.write, hold_up)
        assert writes.wait(60)
        futures = [pool.submit(group.write, work) for work in works]
        wait_until(lambda: len(group._waiting) == len(works), 60, "all works wait")
        goes_on.set()
        first.result()
    return futures


def count_films(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Instance)) or 0


def test_films_that_wait_for_each_other_share_a_commit(sqlite_database: Database) -> None:
    commits: list[object] = []
    count = commits.append
    event.listen(sqlite_database.engine, "commit", count)
    futures = write_together(GroupCommit(sqlite_database), [receive(number) for number in range(WAITING)])
    event.remove(sqlite_database.engine, "commit", count)

    assert {future.result().new for future in futures} == {True}
    assert (count_films(sqlite_database), len(commits)) == (WAITING, 2)


def test_the_same_film_of_two_senders_is_one_row(sqlite_database: Database) -> None:
    futures = write_together(GroupCommit(sqlite_database), [receive(1), receive(1)])

    assert sorted(future.result().new for future in futures) == [False, True]
    assert count_films(sqlite_database) == 1


def test_a_work_that_fails_fails_alone(sqlite_database: Database) -> None:
    def fail(session: Session) -> receptions.Reception:
        session.add(Instance())
        session.flush()
        raise AssertionError("never reached")

    works = [receive(1), fail, receive(2)]
    futures = write_together(GroupCommit(sqlite_database), works)

    assert [type(future.exception()) for future in futures] == [type(None), IntegrityError, type(None)]
    assert count_films(sqlite_database) == 2


def test_more_than_one_transaction_takes_all_come_to_their_end(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.group_commit.MOST_TOGETHER", 2)
    futures = write_together(GroupCommit(sqlite_database), [receive(number) for number in range(WAITING)])

    assert {future.result().new for future in futures} == {True}
    assert count_films(sqlite_database) == WAITING


def test_on_postgresql_each_work_has_its_transaction(postgresql_database: Database) -> None:
    group = GroupCommit(postgresql_database)
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(group.write, receive(number)) for number in range(2)]
    assert {future.result().new for future in futures} == {True}
    assert count_films(postgresql_database) == 2
