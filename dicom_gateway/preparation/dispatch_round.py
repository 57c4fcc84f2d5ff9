"""The dispatch of prepared films: recorded together in one transaction, then sent to the broker."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Final

import structlog
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from db.database import Database
from db.films import films
from db.retrying import write_again
from dicom_gateway import metrics
from dicom_gateway.dispatch import BrokerAwayError, Dispatcher
from dicom_gateway.preparation.film_preparation import Preparation, measure_greys
from dicom_gateway.rules.site_rules import fits
from dicom_gateway.settings import GatewaySettings
from domain.array.normalization import SPEC
from domain.codes import Refusal
from domain.film_key import film_key
from domain.film_stage import Stage, shorten_key, stage
from domain.screening_request import ScreeningRequest

ROUND: Final = 4
"""Most films that one transaction leases or dispatches."""

OUTAGE_PAUSE: Final = timedelta(seconds=5)
"""Time that a film waits when broker, bundle or database are unavailable."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PreparedFilm:
    """A leased film with its array."""

    film: films.DueFilm
    preparation: Preparation

    @property
    def key(self) -> str:
        """The film's key (`domain.film_key`)."""
        return film_key(self.film.sop_instance_uid)


class _Record(Enum):
    """The state of a prepared film after its record."""

    QUEUED = auto()
    SAME_FILM = auto()
    NO_BUNDLE = auto()
    DONE = auto()
    FAILED = auto()


class DispatchRound:
    """Leases films, and dispatches those that are prepared.

    Args:
        database: the films.
        dispatcher: the broker.
        settings: of the gateway.
    """

    def __init__(self, database: Database, dispatcher: Dispatcher, settings: GatewaySettings) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._settings = settings

    def lease(self, session: Session, waiting: int, sending: int = 0) -> list[films.DueFilm]:
        """Take the next due films, urgent ones first.

        Args:
            session: one that writes.
            waiting: number of messages that wait at the broker.
            sending: number of messages that are about to be sent.

        Returns:
            At most `ROUND` films; none when no film is due, or only films that the queue has no room for.
        """
        settings = self._settings
        # Other loops of this gateway get their share.
        most = ROUND if settings.preparation_processes == 1 else 1
        lease = timedelta(seconds=settings.preparation_timeout_s + 60)
        room = settings.maximum_queue_length - waiting - sending
        for urgent, limit in ((True, most), (False, min(most, room))):
            if limit > 0:
                leased = films.lease_due(
                    session, settings.name, lease, limit, urgent=urgent, queue_is_empty=waiting == 0
                )
                if leased:
                    return leased
        return []

    def dispatch(self, prepared: Sequence[PreparedFilm], *, may_lease: bool) -> list[films.DueFilm]:
        """Dispatch films, and lease the next ones in the same transaction.

        Pinned bundle and state are committed before a message is sent, and the lease before the next film is
        decoded; the lease costs no commit of its own.

        Args:
            prepared: films to record and send, perhaps none.
            may_lease: False to take no further films.
        """
        if not prepared:
            return []
        with ExitStack() as stages:
            current = [
                stages.enter_context(stage("dispatch", entry.key, urgent=entry.film.urgent))
                for entry in prepared
            ]
            records, following = self._record_together(prepared, may_lease)
            self._send(prepared, records, current)
        return following

    def _record_together(
        self, prepared: Sequence[PreparedFilm], may_lease: bool
    ) -> tuple[list[_Record], list[films.DueFilm]]:
        waiting = self._dispatcher.count_waiting() if may_lease else None

        def record(session: Session) -> tuple[list[_Record], list[films.DueFilm]]:
            records = [self._record(session, entry) for entry in prepared]
            if waiting is None or _Record.QUEUED not in records:
                return records, []
            return records, self.lease(session, waiting, records.count(_Record.QUEUED))

        try:
            return write_again(self._database, record)
        except OperationalError:  # of the database
            raise
        except SQLAlchemyError:  # perhaps of one of them
            if len(prepared) == 1:
                raise
        return [self._record_alone(entry) for entry in prepared], []

    def _record_alone(self, entry: PreparedFilm) -> _Record:
        try:
            return write_again(self._database, lambda session: self._record(session, entry))
        except OperationalError:
            raise
        except SQLAlchemyError as error:  # its lease ends
            log.error("film not recorded", film=shorten_key(entry.key), error=type(error).__name__)
            return _Record.FAILED

    def _record(self, session: Session, entry: PreparedFilm) -> _Record:
        preparation, instance_id = entry.preparation, entry.film.instance_id
        assert preparation.array is not None
        transforms = preparation.transforms
        is_new = films.is_stored(session, entry.film) and films.record_preparation(
            session,
            instance_id,
            preparation.rendition,
            preparation.doubts,
            measure_greys(preparation.array),
            pixel_digest=preparation.pixel_digest,
            content_digest=preparation.content_digest,
            from_archive=fits(self._settings.archive_calling_ae_titles, entry.film.calling_ae_title),
            observations=preparation.observations,
            transforms=None if transforms is None else transforms.model_dump(mode="json"),
        )
        if not is_new:
            return _Record.SAME_FILM
        if films.pin_bundle(session, instance_id, SPEC.version) is None:
            films.postpone(session, instance_id, OUTAGE_PAUSE, count_attempt=False)
            return _Record.NO_BUNDLE
        redispatch_after = timedelta(seconds=self._settings.redispatch_after_s)
        is_queued = films.mark_queued(session, instance_id, redispatch_after)
        return _Record.QUEUED if is_queued else _Record.DONE

    def _send(
        self, prepared: Sequence[PreparedFilm], records: Sequence[_Record], stages: Sequence[Stage]
    ) -> None:
        """Send the films that are queued; those that the broker does not take are due again soon."""
        away: BrokerAwayError | None = None
        unsent = []
        for entry, record, current in zip(prepared, records, stages, strict=True):
            film_log = log.bind(film=shorten_key(entry.key))
            if record is _Record.SAME_FILM:
                note_refusal(current, Refusal.SAME_FILM)
            elif record is _Record.FAILED:
                current.failure = "not recorded"
            elif record is _Record.NO_BUNDLE:
                current.failure = "no bundle of our normalization"
                film_log.error("film waits: no bundle of our normalization", help="tbscreen doctor")
            elif record is _Record.QUEUED:
                away = away or self._send_film(entry)
                if away is None:
                    metrics.DISPATCHES.inc()
                    film_log.info("film dispatched")
                else:
                    current.failure = "the broker is away"
                    film_log.error("film waits: the broker is away", error=str(away))
                    unsent.append(entry.film.instance_id)
        if unsent:
            with self._database.write() as session:
                for instance_id in unsent:
                    films.mark_unsent(session, instance_id, OUTAGE_PAUSE)

    def _send_film(self, entry: PreparedFilm) -> BrokerAwayError | None:
        assert entry.preparation.array is not None
        request = ScreeningRequest(entry.film.instance_id, entry.key, SPEC.version, entry.preparation.array)
        try:
            self._dispatcher.send(request, entry.film.urgent)
        except BrokerAwayError as error:
            return error
        return None


def note_refusal(current: Stage, refusal: Refusal) -> None:
    """Count and log the refusal of a stage's film."""
    metrics.REFUSALS.labels(refusal.value).inc()
    current.note(refusal=refusal.value)
    log.info("film refused", film=shorten_key(current.film_key), refusal=refusal.value)
