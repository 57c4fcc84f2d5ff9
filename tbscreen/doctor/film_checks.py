"""Checks of films that do not end, and of reports that are not built or not delivered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from db.clock import now
from db.counts import late_films
from db.counts.late_films import LateFilm
from db.database import Database
from db.delivery import deliveries, outbox, refusal_outbox, unbuilt_reports
from db.states import DeliveryState
from domain.film_stage import shorten_key
from tbscreen.doctor.check import Check, Health

NAMED: Final = 5
"""Late films that are named."""
MINUTES: Final = int(late_films.LATE / timedelta(minutes=1))


def examine_films(database: Database) -> Iterator[Check]:
    """Yield the films that wait for longer than the limit, in any state."""
    with database.read() as session:
        late = late_films.find_late(session, NAMED)
    if not late.count:
        yield Check("films", Health.GOOD, f"none waits for more than {MINUTES} minutes")
        return
    named = ", ".join(_describe(film) for film in late.oldest)
    more = f" and {late.count - len(late.oldest)} more" if late.count > len(late.oldest) else ""
    yield Check(
        "films",
        Health.BAD,
        f"{late.count} waiting for more than {MINUTES} minutes: {named}{more}",
        "'tbscreen film ID' tells their history; is there a worker, and a courier?",
    )


def _describe(film: LateFilm) -> str:
    hours, seconds = divmod(int((now() - film.since).total_seconds()), 3600)
    what = film.state if film.state in late_films.WAITING else f"{film.state}, not reported"
    return f"{shorten_key(film.film_key)} ({what}, {hours} h {seconds // 60} min)"


def examine_reports(database: Database) -> Check:
    """Return how reports are that cannot be built or delivered."""
    with database.read() as session:
        parked = len(deliveries.list_deliveries(session, DeliveryState.PARKED, 1000))
        failing = outbox.count_failing(session) + refusal_outbox.count_failing(session)
        unbuilt = unbuilt_reports.count_parked(session)
    if unbuilt:
        advice = "'tbscreen deliveries unbuilt' shows the reasons"
        return Check("reports", Health.BAD, f"{unbuilt} cannot be built and are parked", advice)
    if failing:
        advice = "the courier's log says why; they are tried again"
        return Check("reports", Health.BAD, f"{failing} could not be built", advice)
    if parked:
        advice = "see 'tbscreen deliveries --state parked'"
        return Check("reports", Health.BAD, f"{parked} refused by a peer and parked", advice)
    return Check("reports", Health.GOOD, "none parked")
