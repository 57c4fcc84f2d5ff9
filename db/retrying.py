"""A transaction that is tried again, where trying again is right."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.database import Database

ROLLED_BACK: Final = ("40001", "40P01")
"""SQLSTATE of a transaction that PostgreSQL ended for another's sake: serialization failure, deadlock."""

MOST_TIMES: Final = 5
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0

T = TypeVar("T")


def write_again(database: Database, work: Callable[[Session], T], patience_s: float = 0.0) -> T:
    """Run `work` in one transaction, and again when that was no fault of its own.

    At once, up to five times, when the server ended it for another's sake; with growing, jittered pauses when
    the database is away, as long as there is patience.

    Args:
        database: where.
        work: gives the same when it is done twice: after an outage nobody knows whether it was committed.
        patience_s: how long an outage is waited for, seconds.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: what stood in the way at last.
    """
    deadline = time.monotonic() + patience_s
    pause_s, attempt = FIRST_PAUSE_S, 0
    while True:
        attempt += 1
        try:
            with database.write() as session:
                return work(session)
        except OperationalError as error:
            rolled_back = getattr(error.orig, "sqlstate", None) in ROLLED_BACK and attempt < MOST_TIMES
            if not rolled_back and time.monotonic() >= deadline:
                raise
        time.sleep(pause_s * random.uniform(0.5, 1.0))
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
