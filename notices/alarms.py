"""Events that no transaction records, because they are the absence of something: silent stations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy.orm import Session

from db.clock import now
from db.counts import recent_work
from domain.codes import NoticedEvent

FORGOTTEN: Final = timedelta(days=30)
"""Age of the newest film of a station from which it counts as removed, not as silent."""
FEWEST_FILMS: Final = 10
"""Films from which a station counts, since a header may name any."""
MOST_AT_ONCE: Final = 20
"""Most silent stations that are told at a time."""


@dataclass(frozen=True)
class Alarm:
    """An event that was found."""

    kind: NoticedEvent
    subject: str
    occasion: str
    """Distinguishes this event from others of the same subject: the same alarm is told once."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Figures, without patient data."""


class AlarmSource(Protocol):
    """Finds alarms."""

    @property
    def every_s(self) -> float:
        """Seconds between two searches."""

    def find(self, session: Session) -> list[Alarm]:
        """Return the alarms of now."""


class SilentStations:
    """Finds stations that sent films and send none any more.

    Args:
        hours: without a film, after which a station is silent.
    """

    every_s = 600.0

    def __init__(self, hours: float) -> None:
        self._silence = timedelta(hours=hours)

    def find(self, session: Session) -> list[Alarm]:
        """Return an alarm for each silent station; one silence is one event."""
        films: dict[str, int] = {}
        newest: dict[str, datetime] = {}
        for work in recent_work.list_stations(session):  # the longest silent first
            if work.station:
                films[work.station] = films.get(work.station, 0) + work.films
                newest[work.station] = max(newest.get(work.station, work.newest_at), work.newest_at)
        moment = now()
        return [
            Alarm(
                NoticedEvent.SILENT_STATION,
                station,
                at.isoformat(),
                {"newest_film_at": at.isoformat(timespec="seconds")},
            )
            for station, at in newest.items()
            if films[station] >= FEWEST_FILMS and self._silence <= moment - at < FORGOTTEN
        ][-MOST_AT_ONCE:]
