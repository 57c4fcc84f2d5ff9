"""The engine: durable SQLite, PostgreSQL by psycopg, and what happens when it is away."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError, StatementError

from db import schema
from db.database import Database, DatabaseAwayError, normalize_url
from db.settings import DatabaseSettings
from db.tables import Instance, Study
from domain.errors import PermanentError
from tests.checkout import ROOT
from tests.servers.ports import free_port
from tests.unit import rows


def test_sqlite_is_write_ahead_fully_synchronous_and_keeps_foreign_keys(sqlite_database: Database) -> None:
    with sqlite_database.read() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}


def test_sqlite_makes_the_folder_of_its_file(empty_sqlite_url: str) -> None:
    database = Database.open(DatabaseSettings(url=empty_sqlite_url))
    assert database.check().startswith("SQLite 3.")
    database.close()


def test_a_sqlite_writer_takes_the_write_lock_at_its_start(sqlite_url: str) -> None:
    first = Database.open(DatabaseSettings(url=sqlite_url))
    second = Database.open(DatabaseSettings(url=sqlite_url, busy_timeout_s=0.1))
    with first.write() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(OperationalError, match="locked"), second.write() as other:
            other.execute(text("SELECT 1"))
        with second.read() as reader:
            assert reader.execute(text("SELECT count(*) FROM studies")).scalar_one() == 0
    first.close()
    second.close()


WRITER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from sqlalchemy import text
from db.database import Database
from db.settings import DatabaseSettings

def add(database):
    for _ in range(20):
        with database.write() as session:
            found = session.execute(text("SELECT number FROM counter")).scalar_one()
            session.execute(text("UPDATE counter SET number = :number"), {"number": found + 1})

databases = [Database.open(DatabaseSettings(url=sys.argv[1])) for _ in range(2)]
with ThreadPoolExecutor(4) as pool:
    list(pool.map(add, databases * 2))
print("done")
with databases[0].write() as session:
    session.execute(text("UPDATE counter SET number = -1"))
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_each_writer_of_a_sqlite_file_gets_its_turn_also_after_one_that_was_killed(sqlite_url: str) -> None:
    database = Database.open(DatabaseSettings(url=sqlite_url))
    with database.write() as session:
        session.execute(text("CREATE TABLE counter (number INTEGER)"))
        session.execute(text("INSERT INTO counter VALUES (0)"))
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, sqlite_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(2)
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_kill_within_a_write, writers))
    with database.write() as session:
        assert session.execute(text("SELECT number FROM counter")).scalar_one() == 2 * 4 * 20
    database.close()


def _kill_within_a_write(writer: subprocess.Popen[str]) -> None:
    assert writer.stdout is not None
    assert [writer.stdout.readline() for _ in range(2)] == ["done\n", "writing\n"]
    writer.kill()
    writer.communicate(timeout=30)


def test_a_new_sqlite_file_is_waited_for_while_another_process_writes_to_it(
    empty_sqlite_url: str,
) -> None:
    file = Path(empty_sqlite_url.removeprefix("sqlite:///"))
    file.parent.mkdir()
    database = Database.open(DatabaseSettings(url=empty_sqlite_url))
    with closing(sqlite3.connect(file, isolation_level=None)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("CREATE TABLE occupied (x)")
        other.execute("BEGIN IMMEDIATE")
        check = pool.submit(database.check)
        assert wait([check], timeout=0.3).done == set()
        other.execute("ROLLBACK")
        assert check.result(timeout=30).startswith("SQLite")
    database.close()


def test_check_names_the_server(database: Database) -> None:
    assert database.check().split()[0] in ("SQLite", "PostgreSQL")


def test_check_of_an_unreachable_postgresql_says_that_it_is_away_and_no_password() -> None:
    url = f"postgresql://somebody:s3cret@127.0.0.1:{free_port()}/nowhere"
    database = Database.open(DatabaseSettings(url=url))
    with pytest.raises(DatabaseAwayError, match="does not answer") as caught:
        database.check()
    assert "s3cret" not in str(caught.value)
    database.close()


def test_write_rolls_back_what_raises(database: Database) -> None:
    def write_and_fail() -> None:
        with database.write() as session:
            session.add(_make_study(datetime.now(UTC)))
            session.flush()
            raise KeyError("stop")

    with pytest.raises(KeyError):
        write_and_fail()
    with database.read() as session:
        assert session.query(Study).count() == 0


def test_a_time_comes_back_as_the_same_moment_in_utc(database: Database) -> None:
    eastern = datetime(2024, 3, 1, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with database.write() as session:
        session.add(_make_study(eastern))
    with database.read() as session:
        back = session.query(Study).one().received_at
    assert back == eastern
    assert back.utcoffset() == timedelta(0)


def test_a_time_without_zone_is_not_stored(database: Database) -> None:
    def write_naive_time() -> None:
        with database.write() as session:
            session.add(_make_study(datetime(2024, 3, 1)))

    with pytest.raises(StatementError, match="a time without zone cannot be stored"):
        write_naive_time()


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://user:word@host/name", "postgresql+psycopg"),
        ("postgresql+psycopg://user:word@host/name", "postgresql+psycopg"),
        ("sqlite:////var/lib/tbscreen.sqlite3", "sqlite"),
    ],
)
def test_plain_postgresql_means_psycopg_3(given: str, driver: str) -> None:
    url = normalize_url(given)
    assert url.drivername == driver
    assert url.database is not None
    if driver != "sqlite":
        assert (url.username, url.password, url.host, url.database) == ("user", "word", "host", "name")


@pytest.mark.parametrize("url", ["", "mysql://host/name", "sqlite://", "postgresql+psycopg2://host/name"])
def test_settings_refuse_other_databases(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        DatabaseSettings(url=url)


def test_settings_do_not_show_the_password() -> None:
    assert "s3cret" not in repr(DatabaseSettings(url="postgresql://somebody:s3cret@host/name"))


def test_an_open_database_is_at_the_newest_migration(database: Database) -> None:
    assert schema.find_revision(database) == schema.newest_revision()


def _make_study(received_at: datetime) -> Study:
    return Study(study_instance_uid="1.2.3", received_at=received_at, state="received")


def test_a_frozen_session_sees_one_state(database: Database) -> None:
    rows.receive(database, "1.2.3.1")
    with database.read(frozen=True) as session:
        before = session.scalar(select(func.count()).select_from(Instance))
        rows.receive(database, "1.2.3.2")
        assert session.scalar(select(func.count()).select_from(Instance)) == before == 1
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Instance)) == 2


def test_a_postgresql_database_of_another_encoding_is_refused_with_what_to_do(postgresql_server: str) -> None:
    """initdb in an environment without a locale makes databases of SQL_ASCII, which return bytes."""
    with psycopg.connect(postgresql_server.replace("+psycopg", ""), autocommit=True) as server:
        server.execute("CREATE DATABASE no_characters ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        try:
            url = postgresql_server.replace("/postgres", "/no_characters")
            database = Database.open(DatabaseSettings(url=url))
            with pytest.raises(PermanentError, match=r"no_characters has the encoding SQL_ASCII.*'UTF8'"):
                schema.upgrade(database)
            database.close()
        finally:
            server.execute("DROP DATABASE no_characters WITH (FORCE)")
