"""A watch tells of each commit of others, and of nothing else, until its time is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from db.commit_watch import CommitWatch
from db.database import Database
from db.settings import DatabaseSettings
from tests.servers.ports import free_port
from tests.unit import rows

LONG_S = 600.0


@contextmanager
def opened(database: Database, longest_s: float = LONG_S) -> Iterator[CommitWatch]:
    watch = CommitWatch(database, longest_s)
    try:
        assert watch.has_news()  # the first look is always worth one
        yield watch
    finally:
        watch.close()


def test_each_commit_is_news(database: Database) -> None:
    with opened(database) as watch:
        for number in range(3):
            rows.receive(database, f"1.2.{number}")
            assert watch.has_news()


def test_a_commit_of_another_process_is_news_once(sqlite_database: Database, sqlite_url: str) -> None:
    other = Database.open(DatabaseSettings(url=sqlite_url))
    with opened(sqlite_database) as watch:
        rows.receive(other, "1.2")
        assert [watch.has_news(), watch.has_news()] == [True, False]
    other.close()


def test_what_was_read_or_rolled_back_is_no_news(sqlite_database: Database) -> None:
    with opened(sqlite_database) as watch:
        with sqlite_database.read() as session:
            session.execute(text("SELECT count(*) FROM studies"))
        with sqlite_database.write() as session:
            session.execute(text("UPDATE studies SET id = id"))
            session.rollback()
        assert not watch.has_news()


def test_a_watch_is_stirred_once(sqlite_database: Database) -> None:
    with opened(sqlite_database) as watch:
        watch.stir()
        assert [watch.has_news(), watch.has_news()] == [True, False]


def test_time_alone_is_news_in_the_end(sqlite_database: Database) -> None:
    with opened(sqlite_database, longest_s=0) as watch:
        assert watch.has_news()


def test_a_database_that_is_away_is_news() -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    database = Database.open(DatabaseSettings(url=url))
    with opened(database) as watch:
        assert [watch.has_news(), watch.has_news()] == [True, True]
    database.close()


def test_a_watch_goes_on_after_its_connection_was_lost(postgresql_database: Database) -> None:
    with opened(postgresql_database) as watch:
        with postgresql_database.write() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE query LIKE 'SELECT pg_current_snapshot%' AND datname = current_database()"
                )
            )
        assert watch.has_news()
        rows.receive(postgresql_database, "1.2")
        assert watch.has_news()
