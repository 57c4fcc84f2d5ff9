"""Transactions that are repeated after a deadlock, a serialization failure or an outage."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.database import Database

ROLLED_BACK: Final = ("40001", "40P01")
"""SQLSTATE of transactions that PostgreSQL ends in favour of another: serialization failure, deadlock."""

MOST_TIMES: Final = 5
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0

T = TypeVar("T")


def write_again(database: Database, work: Callable[[Session], T], patience_s: float = 0.0) -> T:
    """Run `work` in one transaction, and repeat it after failures that it did not cause.

    It is repeated up to five times when the server ended the transaction in favour of another one, and with
    growing, jittered pauses for at most `patience_s` when the database is away.

    Args:
        database: the database to write to.
        work: idempotent: after an outage it is not known whether the transaction was committed.
        patience_s: longest outage to wait for, seconds.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the last failure.
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
