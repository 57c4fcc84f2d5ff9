"""Group commit: threads of a process that want to write at the same time share a transaction of SQLite.

SQLite has one writer at a time, and each commit waits for the disk. What comes while another thread writes
goes into one transaction after it (DeWitt et al. 1984, "Implementation techniques for main memory database
systems", 3.2). PostgreSQL does this itself (`commit_delay`); there each work has its own transaction.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from sqlalchemy.orm import Session

from db.database import Database
from db.retrying import write_again

MOST_TOGETHER: Final = 8
"""Most works that share a transaction."""

T = TypeVar("T")


class _Entry:
    """One thread's work, with its result."""

    def __init__(self, work: Callable[[Session], Any]) -> None:
        self.work = work
        self.is_done = False
        self.value: Any = None
        self.error: BaseException | None = None


class GroupCommit:
    """Runs works of several threads, together where they wait for each other.

    Args:
        database: the database to write to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_shared = database.engine.dialect.name == "sqlite"
        self._waiting: deque[_Entry] = deque()
        self._turn = threading.Lock()

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction; return its value when that is committed.

        Args:
            work: takes a session. It may run again with another one, and keeps no row of it.

        Raises:
            Exception: that of the work, which alone is then undone, or that of the commit.
        """
        if not self._is_shared:
            return write_again(self._database, work)
        entry = _Entry(work)
        self._waiting.append(entry)
        with self._turn:
            while not entry.is_done:
                self._commit([self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))])
        if entry.error is not None:
            raise entry.error
        value: T = entry.value
        return value

    def _commit(self, entries: list[_Entry]) -> None:
        """Run works in one transaction; where that fails, each in its own."""
        try:
            with self._database.write() as session:
                for entry in entries:
                    entry.value = entry.work(session)
                    session.flush()
                    session.expunge_all()  # each work reads its rows itself
        except BaseException as error:  # noqa: BLE001  raised again in the thread of the work
            if len(entries) == 1 or not isinstance(error, Exception):
                for entry in entries:
                    entry.error, entry.is_done = error, True
                return
            for entry in entries:
                self._commit([entry])
        for entry in entries:
            entry.is_done = True
