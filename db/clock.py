"""The clock of the database server, for times that are written to rows and compared with them.

Leases and due times are written by one host and read by another. With a clock per host, the rows of
a host whose clock is an hour ahead would wait for an hour. Between two queries of the server's clock, a
process adds the time of its monotonic clock, which no adjustment of the host's clock changes.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, event

LOOK_EVERY_S: Final = 5.0

_seen: tuple[datetime, float] | None = None
"""The server's time at the last query, and this process's monotonic time then."""


def now() -> datetime:
    """Return the time in UTC: the PostgreSQL server's if there is one, else this host's."""
    if _seen is None:
        return datetime.now(UTC)
    moment, at = _seen
    return moment + timedelta(seconds=time.monotonic() - at)


def follow_server(engine: Engine) -> None:
    """Let `now` follow the clock of this engine's PostgreSQL server, which its transactions query."""

    @event.listens_for(engine, "begin")
    def look(connection: Connection) -> None:
        global _seen  # a process has one database, and its modules have one time
        if _seen is not None and time.monotonic() - _seen[1] < LOOK_EVERY_S:
            return
        before = time.monotonic()
        moment = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        _seen = moment.astimezone(UTC), (before + time.monotonic()) / 2
