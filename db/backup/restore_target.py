"""The database that a restore empties and fills, in one transaction and without other connections."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
from sqlalchemy import ColumnElement, Connection, MetaData, inspect, text, true, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from db import schema
from db.backup.table_rows import TRANSIENT, count_rows
from db.clock import now
from db.database import Database
from db.states import DeliveryState, FilmState, PullState
from db.tables import (
    Delivery,
    Hl7Message,
    Hl7OutboxEntry,
    Instance,
    NoticeRow,
    OutboxEntry,
    Pull,
    Record,
    RefusalOutboxEntry,
)
from domain.errors import PermanentError, TransientError

LOCK_TIMEOUT_S: Final = 10
LOCK_NOT_AVAILABLE: Final = "55P03"
DEPENDENT_OBJECTS: Final = "2BP01"
"""SQLSTATE (PostgreSQL, appendix A)."""

OF_A_NEW_DATABASE: Final = TRANSIENT | {
    *("alembic_version", "models", "bundle_chunks", "bundle_admissions", "activations")
}
"""Tables in which `tbscreen db upgrade` writes rows; a database with rows in these alone is empty."""


def check(database: Database, *, replace: bool) -> None:
    """Check that the content may be replaced, and change nothing.

    Raises:
        PermanentError: when the database is not empty and `replace` is False, when a newer version made it,
            or when SQLite cannot read the file.
    """
    with _sound(database), database.engine.connect() as connection:
        _check(connection, replace=replace)


@contextmanager
def emptied(database: Database, *, replace: bool) -> Iterator[Connection]:
    """Open a connection to the database, with its tables dropped, in one exclusive transaction.

    The transaction is committed after the block. After an error or a power cut the content is as before. On
    SQLite a rollback journal replaces the write-ahead log, so that new content is written once.

    Args:
        database: the database to fill.
        replace: True when its present content may be deleted.

    Raises:
        TransientError: when another connection is open.
        PermanentError: see `check`.
    """
    on_sqlite = database.engine.dialect.name == "sqlite"
    database.engine.dispose()  # idle connections of this process are no users
    with _sound(database), database.engine.connect() as connection:
        if on_sqlite:
            _take_sqlite(connection, database)
        with connection.execution_options(exclusive=True).begin():
            if not on_sqlite:
                _take_postgresql(connection)
            _check(connection, replace=replace)
            _drop_tables(connection)
            yield connection
        if on_sqlite:
            _give_back_sqlite(connection)


def make_all_due(connection: Connection) -> int:
    """End every lease and pause, because the processes that held them and Redis' content may be gone.

    Returns:
        The number of rows that were not due yet.
    """
    waiting: list[tuple[Any, ColumnElement[bool]]] = [
        (OutboxEntry, true()),
        (RefusalOutboxEntry, true()),
        (Hl7OutboxEntry, true()),
        (Delivery, Delivery.state == DeliveryState.PENDING),
        (Hl7Message, Hl7Message.state == DeliveryState.PENDING),
        (NoticeRow, NoticeRow.state == DeliveryState.PENDING),
        (Instance, Instance.state.in_([FilmState.RECEIVED, FilmState.QUEUED])),
        (Pull, Pull.state == PullState.RUNNING),
    ]
    moment = now()
    return sum(
        connection.execute(update(table).where(which, table.due_at > moment).values(due_at=moment)).rowcount
        for table, which in waiting
    )


def check_references(connection: Connection) -> list[str]:
    """Return SQLite's tables with references to missing rows; PostgreSQL's constraints allow none."""
    if connection.dialect.name != "sqlite":
        return []
    return sorted({str(row[0]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")})


def _check(connection: Connection, *, replace: bool) -> None:
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        return
    here = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if here is not None and not schema.is_known(here):
        raise PermanentError(
            f"the database there is at migration {here}, which this version does not know: "
            "restore with the version of tbscreen that made it, or into an empty database (a new name)"
        )
    if replace:
        return
    for table in Record.metadata.sorted_tables:
        if table.name in tables - OF_A_NEW_DATABASE and count_rows(connection, table):
            raise PermanentError(
                f"the database is not empty (table {table.name}): --replace puts the backup in its place, "
                "and what is there now is gone; 'tbscreen backup' saves it first"
            )


def _drop_tables(connection: Connection) -> None:
    there = MetaData()
    there.reflect(
        connection, only=lambda name, _: name in Record.metadata.tables or name == "alembic_version"
    )
    try:
        there.drop_all(connection)
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state == LOCK_NOT_AVAILABLE:
            raise TransientError(
                f"somebody has just connected to the database and uses it: {END_THEM}"
            ) from error
        if state == DEPENDENT_OBJECTS:
            raise PermanentError(
                "views or tables that are not tbscreen's refer to its tables: drop them, or restore into an "
                "empty database (a new name)"
            ) from error
        raise


def _take_sqlite(connection: Connection, database: Database) -> None:
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA foreign_keys=OFF")  # has no effect within a transaction
    raw.execute("PRAGMA busy_timeout=2000")
    try:
        raw.execute("PRAGMA journal_mode=DELETE")  # fails while another process has the file open
        raw.execute("PRAGMA locking_mode=EXCLUSIVE")
    except sqlite3.OperationalError as error:
        raise TransientError(f"the database is in use{_name_users(database)}: {END_THEM}") from error


def _give_back_sqlite(connection: Connection) -> None:
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA locking_mode=NORMAL")
    raw.execute("PRAGMA journal_mode=WAL")
    connection.invalidate()  # its pragmas differ from those of other connections


END_THEM: Final = "end all of tbscreen's processes (gateways, workers, couriers, pages), on every host"


def _name_users(database: Database) -> str:
    """Return the processes of this host that have the file open, as far as they are visible."""
    file = Path(str(database.engine.url.database)).resolve()
    users = []
    for process in psutil.process_iter():
        try:
            if process.pid != psutil.Process().pid and any(
                Path(opened.path) == file for opened in process.open_files()
            ):
                users.append(f"{' '.join(process.cmdline()[-2:])} ({process.pid})")
        except (psutil.Error, OSError):
            continue
    return f" by {', '.join(users)}" if users else ""


def _take_postgresql(connection: Connection) -> None:
    users = connection.execute(
        text(
            "SELECT coalesce(host(client_addr), 'this host'), count(*) FROM pg_stat_activity WHERE "
            "datname = current_database() AND pid <> pg_backend_pid() AND "
            "coalesce(backend_type, 'client backend') = 'client backend' GROUP BY 1 ORDER BY 1"
        )
    ).all()
    if users:
        connected = ", ".join(f"{count} from {host}" for host, count in users)
        raise TransientError(f"the database is in use ({connected}): {END_THEM}")
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"))


@contextmanager
def _sound(database: Database) -> Iterator[None]:
    """Raise `DamagedError` for a file that SQLite cannot read."""
    try:
        yield
    except SQLAlchemyError as error:
        damaged = getattr(error, "orig", None)
        if isinstance(damaged, sqlite3.DatabaseError) and damaged.sqlite_errorcode & 0xFF in (
            sqlite3.SQLITE_CORRUPT,
            sqlite3.SQLITE_NOTADB,
        ):
            raise PermanentError(
                f"{database.engine.url.database} is damaged: move it, and the files with -wal and -shm at "
                "the end of its name, to another folder and run the command again"
            ) from error
        raise
