"""The time that rows are written and compared with: the database server's, as far as there is a server.

Leases and due times are written by one host and read by another. If each took its own clock, a host whose
clock is an hour ahead would make what it writes wait for an hour. Between two looks at the server's clock a
process counts on with its monotonic one, which no jump of the host's clock touches.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, event

LOOK_EVERY_S: Final = 5.0

_seen: tuple[datetime, float] | None = None
"""What the server's clock said, and this process's monotonic clock then."""


def now() -> datetime:
    """The current time, UTC: the server's where the process has a PostgreSQL database, else this host's."""
    if _seen is None:
        return datetime.now(UTC)
    moment, at = _seen
    return moment + timedelta(seconds=time.monotonic() - at)


def follow_server(engine: Engine) -> None:
    """Let `now` follow the clock of this engine's PostgreSQL server: looked at by its transactions."""

    @event.listens_for(engine, "begin")
    def look(connection: Connection) -> None:
        global _seen  # a process has one database, and its modules have one time
        if _seen is not None and time.monotonic() - _seen[1] < LOOK_EVERY_S:
            return
        before = time.monotonic()
        moment = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        _seen = moment.astimezone(UTC), (before + time.monotonic()) / 2
