"""The database engine, and sessions that write or read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from db.clock import follow_server
from db.settings import DatabaseSettings
from domain.errors import PermanentError, TransientError
from domain.silent_links import IDLE_S, PROBE_EVERY_S, PROBES, UNACKNOWLEDGED_S

CONNECTION: Final = {
    "client_encoding": "utf8",
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": IDLE_S,
    "keepalives_interval": PROBE_EVERY_S,
    "keepalives_count": PROBES,
    "tcp_user_timeout": UNACKNOWLEDGED_S * 1000,
}
"""Parameters of libpq, of the connection's own end."""


FIRST_PAUSE_S: Final = 0.001
"""First pause of a SQLite writer that waits for another one."""
GROWTH: Final = 1.01
"""Growth of each pause: a wait of half a second asks every six milliseconds."""
LONGEST_PAUSE_S: Final = 0.02


class DatabaseAwayError(TransientError):
    """The database does not answer. Transient: try again when it is back.

    Args:
        error: of SQLAlchemy.
    """

    def __init__(self, error: SQLAlchemyError) -> None:
        super().__init__(f"the database does not answer ({type(error).__name__})")
        self.reason = explain(error)


class Database:
    """An open database. Each process opens one, after a fork and never before it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, settings: DatabaseSettings) -> Database:
        """Connect lazily to the database of `settings`.

        SQLite runs in WAL mode with `synchronous=FULL`, so that a committed film survives a power cut.
        """
        url = normalize_url(settings.url)
        if url.get_backend_name() == "sqlite":
            if url.database:
                Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(
                url, connect_args={"timeout": settings.busy_timeout_s}, hide_parameters=True
            )
            _make_sqlite_durable(engine, settings.busy_timeout_s)
        else:
            engine = create_engine(
                url,
                pool_size=settings.pool_size,
                pool_pre_ping=True,
                connect_args=CONNECTION,
                hide_parameters=True,
            )
            _require_utf8(engine)
            _bound_waits(engine, settings.lock_timeout_s)
            follow_server(engine)
        return cls(engine)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session in one transaction: committed after the block, rolled back when the block raises."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.connection()  # begins now, so that `now` follows the server before the first statement
            yield session

    @contextmanager
    def read(self, *, frozen: bool = False) -> Iterator[Session]:
        """Open a session that takes no write lock.

        Args:
            frozen: let all queries see one snapshot of the database, as SQLite always does.
        """
        with self.engine.connect() as connection:
            connection = connection.execution_options(read_only=True)
            if frozen and self.engine.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with Session(connection, expire_on_commit=False) as session:
                session.connection()
                yield session

    def check(self) -> str:
        """Return the server's name and version.

        Raises:
            DatabaseAwayError: when it cannot be reached.
        """
        version = "sqlite_version()" if self.engine.dialect.name == "sqlite" else "version()"
        try:
            with self.read() as session:
                answer = session.execute(text(f"SELECT {version}")).scalar_one()
        except SQLAlchemyError as error:
            raise DatabaseAwayError(error) from error
        return f"SQLite {answer}" if self.engine.dialect.name == "sqlite" else str(answer).split(",")[0]

    @property
    def place(self) -> str:
        """Server, host, port and name, or the file: without user and password."""
        return name_place(self.engine.url)

    def find_trouble(self) -> str | None:
        """Return the error message when the database cannot be reached, else None."""
        try:
            self.check()
        except DatabaseAwayError as error:
            return str(error)
        return None

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def _require_utf8(engine: Engine) -> None:
    """Refuse a PostgreSQL database that keeps bytes without their characters, or not all characters."""

    @event.listens_for(engine, "connect")
    def check(connection: Any, _record: Any) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise PermanentError(
                f"{name_place(engine.url)} has the encoding {encoding}, which cannot hold all names: make "
                "it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
            )


def _bound_waits(engine: Engine, lock_timeout_s: float) -> None:
    """Let PostgreSQL give up a vanished client, and a statement that waits for a lock.

    A client that vanishes within a transaction holds its locks until the server notices: by default after
    hours.
    """
    bounds = {
        "lock_timeout": round(lock_timeout_s * 1000),
        "tcp_keepalives_idle": IDLE_S,
        "tcp_keepalives_interval": PROBE_EVERY_S,
        "tcp_keepalives_count": PROBES,
        "tcp_user_timeout": UNACKNOWLEDGED_S * 1000,
    }

    @event.listens_for(engine, "connect")
    def bound(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute("; ".join(f"SET {name} = {value}" for name, value in bounds.items()))
        connection.autocommit = False


def normalize_url(url: str) -> URL:
    """Parse `url`; plain `postgresql://` means psycopg 3, the driver that tbscreen ships with."""
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def name_place(url: URL) -> str:
    """Return server, host, port and name of a database, or its file: without user and password."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {url.database}"
    return f"PostgreSQL at {url.host}:{url.port or 5432}, database {url.database}"


def is_sqlite(session: Session) -> bool:
    """True for a session of a SQLite file, whose writer has all rows to itself."""
    return session.get_bind().dialect.name == "sqlite"


def explain(error: SQLAlchemyError) -> str:
    """Return why a database does not answer, in its driver's words where they hold no data of films.

    Args:
        error: only the text of an `OperationalError` of the connection is quoted.
    """
    if isinstance(error, OperationalError) and error.orig is not None:
        lines = str(error.orig).splitlines()
        return lines[0].strip() if lines else type(error).__name__
    return type(error).__name__


def _make_sqlite_durable(engine: Engine, busy_timeout_s: float) -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # this module sends BEGIN itself, see below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(busy_timeout_s * 1000)}")
        _write_ahead(cursor, time.monotonic() + busy_timeout_s)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that becomes a writer fails at once with SQLITE_BUSY; an immediate one waits
        # for the other writer.
        options = connection.get_execution_options()
        if options.get("read_only"):
            connection.exec_driver_sql("BEGIN")
        else:
            kind = "EXCLUSIVE" if options.get("exclusive") else "IMMEDIATE"
            _take_turn(connection, f"BEGIN {kind}", busy_timeout_s)


def _take_turn(connection: Connection, statement: str, busy_timeout_s: float) -> None:
    """Begin a transaction that writes, as soon as the other writers let it.

    SQLite's own wait asks ever more rarely, up to ten times a second: the writer that has waited longest
    comes last, and the file lies idle between two writers. This wait asks every millisecond.
    """
    cursor = connection.connection.cursor()
    deadline, pause_s = time.monotonic() + busy_timeout_s, FIRST_PAUSE_S
    try:
        cursor.execute("PRAGMA busy_timeout=0")
        while True:
            try:
                cursor.execute(statement)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    break
            time.sleep(pause_s)
            pause_s = min(pause_s * GROWTH, LONGEST_PAUSE_S)
        connection.exec_driver_sql(statement)  # once more, for an error of SQLAlchemy's
    finally:
        cursor.execute(f"PRAGMA busy_timeout={int(busy_timeout_s * 1000)}")
        cursor.close()


def _write_ahead(cursor: Any, deadline: float) -> None:
    """Switch to WAL; wait here while another process does so, because SQLite does not wait for that."""
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
