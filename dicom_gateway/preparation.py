"""From a file in the spool to an array on its way to the workers.

Decoding happens in a child process of its own: a decoder that crashes or hangs on a hostile file takes
neither the gateway nor the next film with it.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import structlog

from db import films
from db.codes import Doubt, Refusal
from db.database import Database
from db.tables import now
from dicom_gateway import eligibility, metrics
from dicom_gateway.dataset_header import NotUnderstoodError, read_header
from dicom_gateway.discretion import locate, silence_quoting
from dicom_gateway.dispatch import BrokerAwayError, Dispatcher
from dicom_gateway.image_guard import shipped_network
from dicom_gateway.normalization import SPEC, FilmArray, normalize_strips
from dicom_gateway.radiograph import UndecodableError, read_rendering
from dicom_gateway.rendering import Display, NotAnXrayError, Rendering
from dicom_gateway.rendition import Rendition
from dicom_gateway.screening_request import ScreeningRequest
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool, film_key

BLACK: Final = 0.02
"""Below it a pixel of the array counts as black: collimated, or beside the film."""

MAX_STRIKES: Final = 3
"""A film that killed or hung its preparation so often is refused as `processing_failed`."""

BEHIND_RECEPTION: Final = 5
"""A sender waits while its film is received, and nobody while it is decoded."""

CHILD_START_TIMEOUT_S: Final = 60.0

IDLE_S: Final = 0.5
"""How often the tables are asked for due films when no reception says so."""

OUTAGE_PAUSE: Final = timedelta(seconds=5)
"""How long a film waits when broker, bundle or database are not there."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Preparation:
    """What came of one film: a refusal, or an array with its rendition."""

    refusal: Refusal | None
    detail: str
    doubts: tuple[Doubt, ...] = ()
    rule: str = ""
    """The rule that decided; empty where no rule had anything to say."""
    array: FilmArray | None = None
    rendition: bytes = b""


def prepare(path: Path, calling_ae_title: str, settings: GatewaySettings) -> Preparation:
    """Judge one film by its header, decode and normalize it, and look at what it shows.

    Args:
        path: a DICOM file.
        calling_ae_title: who sent it.
        settings: the site's rules.

    Returns:
        A refusal, or the array (float32 (256, 256), 0..1) and a JPEG of at most 1024 pixels a side.
    """
    try:
        header = read_header(path)
        if eligibility.is_own_output(header.dataset):
            return Preparation(Refusal.OWN_OUTPUT, "an object that tbscreen made", rule="own-output")
        verdict = eligibility.judge(header.dataset, str(header.transfer_syntax), calling_ae_title, settings)
        if verdict.refusal is not None:
            return Preparation(verdict.refusal, verdict.explanation, rule=verdict.rule)
        array, rendition = show(read_rendering(path))
    except (UndecodableError, NotUnderstoodError) as error:
        return Preparation(Refusal.UNDECODABLE, str(error), rule="pixels")
    except NotAnXrayError as error:
        return Preparation(Refusal.NOT_AN_XRAY, str(error), rule="pixels")
    if settings.image_guard:
        verdict = eligibility.judge_pixels(verdict, shipped_network().judge(array))
        if verdict.refusal is not None:
            return Preparation(verdict.refusal, verdict.explanation, rule=verdict.rule)
    return Preparation(None, verdict.explanation, verdict.doubts, verdict.rule, array, rendition)


def show(rendering: Rendering) -> tuple[FilmArray, bytes]:
    """Return the array, float32 (256, 256) in 0..1, and the JPEG that is kept for people.

    Raises:
        NotAnXrayError: when all pixels have one value.
    """
    rendition = Rendition(rendering.shape)

    def add_each() -> Iterator[Display]:
        for strip in rendering.strips():
            rendition.add(strip)
            yield strip

    return normalize_strips(add_each()), rendition.encode()


def measure_greys(array: FilmArray) -> films.Greys:
    """Return mean, standard deviation and share of black of an array (float32 (256, 256), 0..1)."""
    return films.Greys(float(array.mean()), float(array.std()), float((array < BLACK).mean()))


class PreparationProcess:
    """One child process that prepares one film at a time; replaced when it dies or hangs."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def prepare(self, path: Path, calling_ae_title: str) -> Preparation | None:
        """Prepare a film in the child, or return None when it died or took too long."""
        try:
            connection = self.open()
            connection.send((str(path), calling_ae_title))
            if connection.poll(self._settings.preparation_timeout_s):
                answer = connection.recv()
                if isinstance(answer, Preparation):
                    return answer
        except (EOFError, OSError):
            pass
        self.close()
        return None

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def open(self) -> Connection:
        """Start the child, if there is none alive, and wait until it is up."""
        if self._process is not None and not self._process.is_alive():
            self.close()
        if self._connection is None:
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=_serve, args=(theirs, self._settings), daemon=True)
            process.start()
            theirs.close()
            self._process, self._connection = process, ours
            try:
                if not ours.poll(CHILD_START_TIMEOUT_S):
                    raise TimeoutError("the preparation process does not start")
                ours.recv()
            except (EOFError, OSError):
                # A child whose greeting comes late would be one answer behind: one film's array under
                # another film's name.
                self.close()
                raise
        return self._connection


def _serve(connection: Connection, settings: GatewaySettings) -> None:
    """The child's life: prepare what is asked for until the gateway hangs up."""
    silence_quoting()
    os.nice(BEHIND_RECEPTION)
    limit = settings.preparation_memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    connection.send("up")
    while True:
        try:
            path, calling_ae_title = connection.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            connection.send(prepare(Path(path), calling_ae_title, settings))
        except Exception as error:  # noqa: BLE001  multiprocessing would print what it quotes of the header
            log.error("preparation ended", error=type(error).__name__, at=locate(error))
            return


class PreparationLoop(threading.Thread):
    """Takes this gateway's due films, prepares them and hands them to the broker."""

    def __init__(
        self, database: Database, spool: Spool, dispatcher: Dispatcher, settings: GatewaySettings
    ) -> None:
        super().__init__(name="preparation", daemon=True)
        if settings.image_guard:
            shipped_network()  # a gateway without it says so at its start, and not by children that end
        self._database = database
        self._spool = spool
        self._dispatcher = dispatcher
        self._settings = settings
        self._child = PreparationProcess(settings)
        self._wake = threading.Event()
        self._ending = threading.Event()

    def wake(self) -> None:
        """Say that a film was received."""
        self._wake.set()

    def end(self) -> None:
        """Finish the film at hand and stop."""
        self._ending.set()
        self._wake.set()

    def run(self) -> None:
        """Work until `end`."""
        while not self._ending.is_set():
            self._wake.clear()
            try:
                self._child.open()
                busy = self._work_once()
            except Exception as error:  # noqa: BLE001  a gateway must not go on receiving without this loop
                log.error("trouble; films wait in the spool", error=type(error).__name__)
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
        name, lease = self._settings.name, timedelta(seconds=self._settings.preparation_timeout_s + 60)
        if not self._dispatcher.has_room(urgent=True):
            return False
        with self._database.write() as session:
            leased = films.lease_due(session, name, lease, limit=1, urgent=True)
        if not leased and self._dispatcher.has_room():
            with self._database.write() as session:
                leased = films.lease_due(session, name, lease, limit=1)
        for film in leased:
            self._take(film)
        return bool(leased)

    def _take(self, film: films.DueFilm) -> None:
        film_log = log.bind(film=film_key(film.sop_instance_uid)[:12])
        with self._database.read() as session:
            own = films.is_own_object(session, film.sop_instance_uid)
        if own:
            self._refuse(film, Refusal.OWN_OUTPUT, "an object that tbscreen made")
        elif film.preparation_attempts > MAX_STRIKES:
            self._refuse(film, Refusal.PROCESSING_FAILED, f"preparation failed {MAX_STRIKES} times")
        elif film.spool_path is None or not self._spool.path(film.spool_path).is_file():
            self._refuse(film, Refusal.PROCESSING_FAILED, "the file is no longer in the spool")
        else:
            with metrics.PREPARATION_SECONDS.time():
                preparation = self._child.prepare(self._spool.path(film.spool_path), film.calling_ae_title)
            if preparation is None:
                metrics.PREPARATIONS_LOST.inc()
                film_log.error("preparation died or hung", attempt=film.preparation_attempts)
                with self._database.write() as session:
                    films.postpone(session, film.instance_id, timedelta(0), count_attempt=True)
            elif preparation.refusal is not None:
                self._refuse(film, preparation.refusal, preparation.detail)
            else:
                self._dispatch(film, preparation)

    def _dispatch(self, film: films.DueFilm, preparation: Preparation) -> None:
        key = film_key(film.sop_instance_uid)
        assert preparation.array is not None
        with self._database.write() as session:
            films.record_preparation(
                session,
                film.instance_id,
                preparation.rendition,
                preparation.doubts,
                measure_greys(preparation.array),
            )
            pinned = films.pin_bundle(session, film.instance_id, SPEC.version)
            ready = pinned is not None
            queued = ready and films.mark_queued(
                session, film.instance_id, timedelta(seconds=self._settings.redispatch_after_s)
            )
        if not ready:
            log.error("film waits: no bundle of our normalization", film=key[:12], help="tbscreen doctor")
            self._postpone(film, OUTAGE_PAUSE)
            return
        if not queued:
            return
        request = ScreeningRequest(film.instance_id, key, SPEC.version, preparation.array)
        try:
            self._dispatcher.send(request, film.urgent)
        except BrokerAwayError as error:
            log.error("film waits: the broker is away", film=key[:12], error=str(error))
            with self._database.write() as session:
                films.mark_unsent(session, film.instance_id, OUTAGE_PAUSE)
            return
        metrics.DISPATCHES.inc()
        log.info("film dispatched", film=key[:12])

    def _refuse(self, film: films.DueFilm, refusal: Refusal, detail: str) -> None:
        with self._database.write() as session:
            films.refuse(session, film.instance_id, refusal, detail)
        metrics.REFUSALS.labels(refusal.value).inc()
        log.info("film refused", film=film_key(film.sop_instance_uid)[:12], refusal=refusal.value)

    def _postpone(self, film: films.DueFilm, delay: timedelta) -> None:
        with self._database.write() as session:
            films.postpone(session, film.instance_id, delay, count_attempt=False)
