"""A cheap look for commits, for loops that wait for rows."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy.pool import PoolProxiedConnection

from db.database import Database

VERSIONS: Final = {"sqlite": "PRAGMA data_version", "postgresql": "SELECT pg_current_snapshot()::text"}
"""A value that changes with every commit of another connection (sqlite.org/pragma.html#pragma_data_version;
PostgreSQL's also changes with those of other databases of the server)."""


class CommitWatch:
    """Tells a loop whether rows may have changed, by one small question on a connection of its own.

    Args:
        database: the database to watch.
        longest_s: time after which `has_news` says True in any case, for rows that time alone makes due.
    """

    def __init__(self, database: Database, longest_s: float) -> None:
        self._engine = database.engine
        self._longest_s = longest_s
        self._question = VERSIONS[self._engine.dialect.name]
        self._connection: PoolProxiedConnection | None = None
        self._seen: Any = None
        self._next = 0.0
        self._is_stirred = False

    def stir(self) -> None:
        """Let the next `has_news` say True; from any thread."""
        self._is_stirred = True

    def has_news(self) -> bool:
        """True when a transaction may have been committed since the last call; call it before rows are read.

        A database that does not answer is news: the reader of the rows then meets the error.
        """
        stirred, self._is_stirred = self._is_stirred, False
        version = self._read_version()
        moment = time.monotonic()
        if not stirred and version is not None and version == self._seen and moment < self._next:
            return False
        self._seen, self._next = version, moment + self._longest_s
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read_version(self) -> Any:
        try:
            if self._connection is None:
                self._connection = self._connect()
            cursor = self._connection.cursor()
            try:
                cursor.execute(self._question)
                (version,) = cursor.fetchone() or (None,)
            finally:
                cursor.close()
        except (self._engine.dialect.loaded_dbapi.Error, OSError):
            self._forget()
            return None
        return version

    def _connect(self) -> PoolProxiedConnection:
        connection = self._engine.raw_connection()
        connection.detach()  # the pool keeps its number of connections
        if self._engine.dialect.name == "postgresql":
            connection.dbapi_connection.autocommit = True  # type: ignore[union-attr]
        return connection

    def _forget(self) -> None:
        try:
            self.close()
        except (self._engine.dialect.loaded_dbapi.Error, OSError):
            self._connection = None
