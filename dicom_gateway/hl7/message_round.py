"""The round of messages: makes those that receivers need of finished and changed films."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db.clock import now
from db.database import Database
from db.films import films
from db.hl7 import hl7_messages, hl7_outbox, standing_films
from db.hl7.hl7_messages import StoredMessage
from db.hl7.standing_films import StandingFilm
from dicom_gateway.hl7.message_settings import MessageSettings, ReceiverSettings
from dicom_gateway.hl7.patient_segment import UnknownPatientError
from dicom_gateway.hl7.result_message import (
    Envelope,
    compose_refusal,
    compose_result,
    compose_withdrawal,
    derive_number,
)
from dicom_gateway.hl7.told_film import NeededMessage, find_needed, name_subject
from dicom_gateway.settings import CourierSettings
from domain.codes import MessageKind
from domain.film_key import film_key
from domain.film_stage import shorten_key
from sending.receiver_breaker import jittered_pause

BATCH: Final = 16
"""Films in one round."""

MOST_ATTEMPTS: Final = 10
"""Attempts to make the messages of a film, after which it is parked."""

log = structlog.get_logger(__name__)


class MessageRound:
    """Turns films of the outbox into messages.

    Args:
        database: outbox and messages.
        settings: sending application, page and receivers.
        courier: the site's codes, and pauses between attempts.
    """

    def __init__(self, database: Database, settings: MessageSettings, courier: CourierSettings) -> None:
        self._database = database
        self._settings = settings
        self._courier = courier

    def make_due(self, ending: threading.Event) -> bool:
        """Make the messages of the films that are due; return True when any were due."""
        with self._database.read() as session:
            due = hl7_outbox.list_due(session, BATCH)
        if due and not self._settings.receivers:
            with self._database.write() as session:
                hl7_outbox.clear(session)
            return True
        for instance_id in due:
            if ending.is_set():
                break
            self._tell(instance_id)
        return bool(due)

    def _tell(self, instance_id: int) -> None:
        """Store all messages of one film and take it from the outbox, in one transaction."""
        try:
            with self._database.write() as session:
                if films.lock_film(session, instance_id) is None or not hl7_outbox.take(session, instance_id):
                    return
                film = standing_films.find_standing(session, instance_id)
                made = [] if film is None else self._store_needed(session, film)
        except SQLAlchemyError:
            raise  # no fault of the film
        except Exception as error:  # noqa: BLE001  one malformed header must not stop all messages
            self._postpone(instance_id, error)
            return
        if film is not None:
            film_log = log.bind(film=shorten_key(film_key(film.sop_instance_uid)))
            for message in made:
                film_log.info("HL7 message made", kind=message.kind, receiver=message.receiver)

    def _store_needed(self, session: Session, film: StandingFilm) -> list[StoredMessage]:
        told = hl7_messages.list_told(session, film.sop_instance_uid, film.line)
        made = []
        for receiver in self._settings.receivers:
            known = told.get(receiver.name, [])
            last = known[-1].control_id if known else ""
            for needed in find_needed(receiver, self._settings.application, film, known):
                message = self._compose(film, receiver, needed, last)
                hl7_messages.store(session, message)
                made.append(message)
                last = message.control_id
        return made

    def _compose(
        self, film: StandingFilm, receiver: ReceiverSettings, needed: NeededMessage, last: str
    ) -> StoredMessage:
        """Compose a message; its control ID derives from its content and from the message before it."""
        about = "" if film.screening is None else film.screening.dataset_sha256
        control_id = derive_number(
            self._settings.application, receiver.name, needed.filler_number, needed.kind.value, about, last
        )
        envelope = Envelope(receiver, needed.kind, control_id, needed.filler_number, now())
        withdrawn = needed.withdrawn
        if withdrawn is not None:
            content = compose_withdrawal(withdrawn.content, envelope, needed.reasons)
        elif needed.kind is MessageKind.REFUSAL:
            content = compose_refusal(film, envelope, self._settings, self._courier)
        else:
            content = compose_result(film, envelope, self._settings, self._courier)
        screening_id = film.screening.screening_id if film.screening is not None else None
        return StoredMessage(
            control_id=control_id,
            receiver=receiver.name,
            instance_id=film.instance_id,
            screening_id=screening_id if withdrawn is None else withdrawn.screening_id,
            filler_number=needed.filler_number,
            kind=needed.kind.value,
            subject=name_subject(film) if withdrawn is None else withdrawn.subject,
            content=content,
        )

    def _postpone(self, instance_id: int, error: Exception) -> None:
        is_hopeless = isinstance(error, UnknownPatientError)
        failure = str(error) if is_hopeless else f"{type(error).__name__}: {error}"
        with self._database.write() as session:
            waiting = hl7_outbox.find_waiting(session, instance_id)
            if waiting is None:
                return
            attempt, settings = waiting[0] + 1, self._courier
            pause = jittered_pause(attempt, settings.retry_first_s, settings.retry_most_s)
            most = 1 if is_hopeless else MOST_ATTEMPTS
            parked = hl7_outbox.postpone(session, instance_id, timedelta(seconds=pause), failure, most)
        film = shorten_key(film_key(waiting[1]))
        failed = log.bind(film=film, error=type(error).__name__, attempt=attempt)
        if parked:
            failed.error("HL7 message parked: it cannot be made", help="tbscreen deliveries unbuilt")
        else:
            failed.error("HL7 message not made")
