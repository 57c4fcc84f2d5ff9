"""The round of notices: finds alarms, and stores the notices of events for the receivers that rules name."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db.database import Database
from db.notices import high_films, notice_events, notice_outbox
from db.notices.notice_events import EventEntry
from domain.codes import NoticedEvent
from notices.alarms import AlarmSource
from notices.notice_content import compose
from notices.notice_settings import NoticeSettings

BATCH: Final = 16
"""Events told in one transaction."""
PURGE_EVERY_S: Final = 3600.0

log = structlog.get_logger(__name__)


class NoticeRound:
    """Turns events into notices.

    Args:
        database: events and notices.
        settings: receivers and rules.
        sources: find the alarms that no transaction records.
    """

    def __init__(self, database: Database, settings: NoticeSettings, sources: Sequence[AlarmSource]) -> None:
        self._database = database
        self._settings = settings
        self._sources = sources if settings.rules else ()
        self._next_search = dict.fromkeys(range(len(self._sources)), 0.0)
        self._next_purge = 0.0

    def make_due(self, ending: threading.Event) -> int:
        """Search for alarms where it is time to, and tell events; return how many were told."""
        for number, source in enumerate(self._sources):
            if time.monotonic() >= self._next_search[number] and not ending.is_set():
                self._next_search[number] = time.monotonic() + source.every_s
                self._search(source)
        if time.monotonic() >= self._next_purge:
            self._next_purge = time.monotonic() + PURGE_EVERY_S
            with self._database.write() as session:
                notice_events.purge(session, timedelta(days=self._settings.keep_days))
        with self._database.read() as session:
            if not notice_events.has_untold(session):
                return 0
        with self._database.write() as session:
            if not self._settings.rules:
                notice_events.clear(session)
                return 0
            events = notice_events.take_untold(session, BATCH)
            for event in events:
                self._tell(session, event)
        return len(events)

    def _search(self, source: AlarmSource) -> None:
        try:
            with self._database.read() as session:
                alarms = source.find(session)
            if alarms:
                with self._database.write() as session:
                    for alarm in alarms:
                        notice_events.record(session, alarm.kind, alarm.subject, alarm.occasion, alarm.detail)
        except SQLAlchemyError:
            raise  # the database is away
        except Exception as error:  # noqa: BLE001  no search stops the others
            log.error("search for alarms failed", source=type(source).__name__, error=type(error).__name__)

    def _tell(self, session: Session, event: EventEntry) -> None:
        film = None
        if event.kind == NoticedEvent.HIGH_FINDING and event.instance_id is not None:
            film = high_films.find_film(session, event.instance_id)
            if film is None:
                return
        station = event.subject if film is None else film.station
        receivers = self._settings.receivers
        for name in self._choose(event.kind, station):
            content = compose(event, film, receivers[name].patient_fields, self._settings.page_url)
            notice_outbox.store(session, event.event_id, name, content)
            log.info("notice made", noticed=event.kind, receiver=name, notice=content["id"])

    def _choose(self, kind: str, station: str | None) -> list[str]:
        """Return the receivers of an event, each once."""
        chosen: dict[str, None] = {}
        for rule in self._settings.rules:
            if rule.event == kind and (not rule.stations or station in rule.stations):
                chosen |= dict.fromkeys(rule.to)
        return list(chosen)
