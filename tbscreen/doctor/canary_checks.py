"""Canary films: whether the last one of each gateway had its score in time, and the expected one."""

from __future__ import annotations

from collections.abc import Iterator

from db.canary import verdicts
from db.database import Database
from tbscreen.doctor.check import Check, Health


def examine_canaries(database: Database) -> Iterator[Check]:
    """Yield one check for each gateway that sent canary films, or that there are none."""
    with database.read() as session:
        watches = verdicts.list_watches(session)
    if not watches:
        advice = "set gateway.canary.every_minutes, or run 'tbscreen canary' on the host of a gateway"
        yield Check("canary films", Health.NOTE, "none was sent", advice)
    for watch in watches:
        part = f"canary films of {watch.gateway}"
        if not watch.is_alarm:
            yield Check(part, Health.GOOD, watch.describe())
            continue
        advice = "run 'tbscreen canary' there; a gateway that is gone: 'tbscreen canary --forget GATEWAY'"
        yield Check(part, Health.BAD, watch.describe(), advice)
