"""The loop that takes due films from the spool, has them prepared, and sends them to the broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from db.clock import now
from db.database import Database
from db.delivery import report_objects
from db.films import films
from dicom_gateway import metrics
from dicom_gateway.canary.canary_preparation import CanaryPreparation
from dicom_gateway.dispatch import Dispatcher
from dicom_gateway.preparation.dispatch_round import DispatchRound, PreparedFilm, note_refusal
from dicom_gateway.preparation.film_preparation import Preparation
from dicom_gateway.preparation.preparation_process import PreparationProcess
from dicom_gateway.rules.own_object import digest_sent, is_own_name
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from domain.array.image_guard import shipped_network
from domain.codes import Refusal
from domain.film_key import film_key
from domain.film_stage import Stage, shorten_key, stage
from domain.witness import Witness

MAX_STRIKES: Final = 3
"""Number of preparations that crashed or hung, with no other cause in sight, after which a film is refused as
`processing_failed`."""

MAX_ATTEMPTS: Final = 10
"""Number of preparations that came to no end, for whatever cause, after which it is refused, too."""

LONGEST_PAUSE_S: Final = 10.0
"""Longest pause of a film whose preparation failed by something outside."""

MOST_VAIN_DISPATCHES: Final = 20
"""Dispatches without a result, while workers were at work, after which a film is refused as
`processing_failed`. With the default of `gateway.redispatch_after_s` they take an hour and a half."""

IDLE_S: Final = 0.5
"""Pause between two queries for due films while no reception wakes the loop."""

OWN_CANDIDATES: Final = 64
"""Largest number of our own objects with which a film is compared."""

ROUND_S: Final = 0.5
"""Time after which films that are prepared are dispatched before the next one of their round is decoded."""

log = structlog.get_logger(__name__)


class PreparationLoop(threading.Thread):
    """A thread that prepares this gateway's due films and sends them to the broker."""

    def __init__(
        self, database: Database, spool: Spool, dispatcher: Dispatcher, settings: GatewaySettings
    ) -> None:
        super().__init__(name="preparation", daemon=True)
        if settings.image_guard:
            shipped_network()  # so that a missing network fails at the start and not in each child
        self._database = database
        self._spool = spool
        self._dispatcher = dispatcher
        self._dispatches = DispatchRound(database, dispatcher, settings)
        self._settings = settings
        self._witness = Witness(settings.preparation_timeout_s)
        self._child = PreparationProcess(settings, ended_idle=lambda: self._witness.note(None))
        self._canaries = CanaryPreparation(database, spool, dispatcher, self._child, settings)
        self._wake = threading.Event()
        self._ending = threading.Event()

    def wake(self) -> None:
        """Tell the loop that a film was received."""
        self._wake.set()

    def end(self) -> None:
        """Finish the current film and stop; other leased films are due again at the next start."""
        self._ending.set()
        self._wake.set()

    def run(self) -> None:
        """Prepare due films until `end`."""
        while not self._ending.is_set():
            self._wake.clear()
            try:
                self._child.open()
                self._canaries.work()
                busy = self._work_once()
            except Exception as error:  # noqa: BLE001  the gateway must not receive films without this loop
                log.error("preparation loop failed; films wait in the spool", error=type(error).__name__)
                busy = False
                self._ending.wait(1.0)
            if not busy:
                self._wake.wait(IDLE_S)
        self._child.close()

    def _work_once(self) -> bool:
        with self._database.read() as session:
            due_at = films.next_due_at(session, self._settings.name)
        if due_at is None or due_at > now():
            return False
        waiting = self._dispatcher.count_waiting()
        if waiting is None:
            return False
        with self._database.write() as session:
            leased = self._dispatches.lease(session, waiting)
        if not leased:
            return False
        while leased:
            leased = self._take(leased)
        return True

    def _take(self, leased: Sequence[films.DueFilm]) -> list[films.DueFilm]:
        """Prepare and dispatch leased films; return those that are leased and wait for their preparation."""
        waiting, prepared = list(leased), list[PreparedFilm]()
        latest = time.monotonic() + ROUND_S
        while waiting and not self._ending.is_set() and not (prepared and time.monotonic() > latest):
            film = waiting.pop(0)
            with stage("preparation", film_key(film.sop_instance_uid)) as current:
                preparation = self._prepare(film, current)
            if preparation is not None:
                prepared.append(PreparedFilm(film, preparation))
        may_lease = not waiting and not self._ending.is_set()
        following = self._dispatches.dispatch(prepared, may_lease=may_lease)
        return [] if self._ending.is_set() else [*waiting, *following]

    def _prepare(self, film: films.DueFilm, current: Stage) -> Preparation | None:
        """Return the prepared film for dispatch; None for a film that was refused or is tried again."""
        film_log = log.bind(film=shorten_key(film_key(film.sop_instance_uid)))
        current.note(attempt=film.preparation_attempts)
        refuse = partial(self._refuse, film, current)
        if film.preparation_strikes >= MAX_STRIKES:
            refuse(*self._judge_header(film, f"preparation failed {MAX_STRIKES} times"))
        elif film.preparation_attempts > MAX_ATTEMPTS:
            refuse(*self._judge_header(film, f"preparation begun {MAX_ATTEMPTS} times and never finished"))
        elif film.vain_dispatches >= MOST_VAIN_DISPATCHES:
            detail = f"dispatched {film.vain_dispatches} times without a result while workers were at work"
            refuse(Refusal.PROCESSING_FAILED, detail)
        elif film.spool_path is None or not self._spool.path(film.spool_path).is_file():
            refuse(Refusal.PROCESSING_FAILED, "the file is no longer in the spool")
        else:
            path, own_digests = self._spool.path(film.spool_path), self._find_own_digests(film)
            with metrics.PREPARATION_SECONDS.time():
                preparation = self._child.prepare(path, film.calling_ae_title, own_digests)
            if preparation is None:
                metrics.PREPARATIONS_LOST.inc()
                current.failure = "died or hung"
                self._retry(film, film_log)
            elif preparation.refusal is not None:
                refuse(preparation.refusal, preparation.detail, preparation.rendition)
            else:
                return preparation
        return None

    def _judge_header(self, film: films.DueFilm, failure: str) -> tuple[Refusal, str]:
        """Return the refusal of a film that cannot be decoded, with its detail: the header's if it has one.

        A lateral or a child's film is decoded for its picture alone, and stays refused for what it is.
        """
        if film.spool_path is not None and self._spool.path(film.spool_path).is_file():
            path, own_digests = self._spool.path(film.spool_path), self._find_own_digests(film)
            judged = self._child.prepare(path, film.calling_ae_title, own_digests, header_only=True)
            refusal = None if judged is None else judged.refusal
            if judged is not None and refusal is not None and refusal is not Refusal.PROCESSING_FAILED:
                return refusal, f"{judged.detail}; {failure}"
        return Refusal.PROCESSING_FAILED, failure

    def _retry(self, film: films.DueFilm, film_log: structlog.BoundLogger) -> None:
        """Have a film prepared again that failed; a strike where the film was the cause."""
        self._witness.note(film.instance_id)
        blamed = self._witness.blames(film.instance_id)
        film_log.error(
            "preparation died or hung",
            attempt=film.preparation_attempts,
            cause="film" if blamed else "perhaps outside",
        )
        # Where processes are being killed, the next attempt at once would be killed, too.
        pause_s = 0.0 if blamed else min(2.0 ** (film.preparation_attempts - 1) - 1, LONGEST_PAUSE_S)
        pause = timedelta(seconds=pause_s)
        with self._database.write() as session:
            if films.is_stored(session, film):
                films.postpone(session, film.instance_id, pause, count_attempt=True, strike=blamed)

    def _find_own_digests(self, film: films.DueFilm) -> frozenset[str]:
        """Return the digests of our own objects that a film may be, which its name or its UID suggests."""
        if not is_own_name(film.manufacturer) and not film.is_named_as_object:
            return frozenset()
        with self._database.read() as session:
            return digest_sent(report_objects.list_candidates(session, film.instance_id, OWN_CANDIDATES))

    def _refuse(
        self, film: films.DueFilm, current: Stage, refusal: Refusal, detail: str, jpeg: bytes = b""
    ) -> None:
        with self._database.write() as session:
            if films.is_stored(session, film):
                films.refuse(session, film.instance_id, refusal, detail, jpeg)
        note_refusal(current, refusal)
