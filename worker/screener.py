"""One request from attempt to committed result."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import structlog
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import SQLAlchemyError

from db.clock import now
from db.database import Database
from db.films import screenings
from db.retrying import write_again
from db.settings import DatabaseSettings
from domain.array.upright import turn_back
from domain.bundle.manifest import localize
from domain.bundle.triage import triage
from domain.codes import Refusal
from domain.errors import PermanentError
from domain.film_stage import Stage, shorten_key, stage
from domain.screening_request import ScreeningRequest
from worker import metrics
from worker.batches.device_link import DeviceLink
from worker.bundle_cache import BundleCache
from worker.canary_scorer import CanaryScorer
from worker.film_strikes import FilmStrikes
from worker.network_opener import NetworkOpener
from worker.settings import WorkerSettings
from worker.shadow import ShadowScreener
from worker.time_limit import put_off_time_limit

if TYPE_CHECKING:
    from worker.screening_network import ScreeningNetwork

KEPT_NETWORKS: Final = 2

HEAT_MARGIN: Final = 16 / 256
"""Share of the film at each edge that lies outside the central field, which a bundle's heat map covers."""

BROKEN_BUNDLE_PAUSE: Final = timedelta(seconds=60)
"""Pause of a film whose bundle cannot be loaded, until an administrator repairs it."""

DEVICE_PATIENCE: Final = 0.25
"""Share of the time limit for which a film waits for a device process that starts; then it is handed back."""

RESULT_PATIENCE: Final = 0.25
"""Share of the time limit for which a result waits for a database that is away."""

log = structlog.get_logger(__name__)


class ScreeningOutcome(StrEnum):
    """End of a request."""

    SCREENED = "screened"
    NOTHING_TO_DO = "nothing_to_do"
    HANDED_BACK = "handed_back"
    REFUSED = "refused"
    """It struck out."""


@dataclass(frozen=True)
class ScreenerSettings:
    """Settings of a predicting process."""

    database: DatabaseSettings
    worker: WorkerSettings
    cache_directory: Path
    graph_directory: Path


class Screener:
    """Screens films with the bundle that was pinned for each. Make it in the process that predicts.

    Args:
        settings: of the process.
        strikes: of the worker's parent process, made before this one was forked; None without such a process.
        device: address of the device process that computes for this one; None if it computes by itself.
    """

    def __init__(
        self, settings: ScreenerSettings, strikes: FilmStrikes | None = None, device: str | None = None
    ) -> None:
        self._strikes = FilmStrikes(settings.worker.time_limit_s) if strikes is None else strikes
        self._settings = settings.worker
        self._database = Database.open(settings.database)
        cache = BundleCache(settings.cache_directory, self._database)
        self._opener = NetworkOpener(settings.worker, settings.graph_directory, cache, self._database)
        self._link = None if device is None else DeviceLink(device, cache)
        self._open = self._opener.open if self._link is None else self._link.open
        self._networks: dict[str, ScreeningNetwork] = {}
        self._shadow = ShadowScreener(settings.worker, self._database, self._open)
        self._canaries = CanaryScorer(settings.worker.name, self._database, self.load)

    def screen(self, request: ScreeningRequest) -> ScreeningOutcome:
        """Screen one film; idempotent.

        The attempt is committed before the work, the result and its outbox row after it, together. A bundle
        in the shadow comes after that and cannot change the film's result.
        """
        if request.canary is not None:
            is_scored = self._canaries.score(request, request.canary)
            return ScreeningOutcome.SCREENED if is_scored else ScreeningOutcome.NOTHING_TO_DO
        with stage("screening", request.film_key, worker=self._settings.name) as current:
            outcome = self._screen(request, current)
            current.note(outcome=outcome.value)
        return outcome

    def strike(self, instance_id: int, film_key: str, reason: str) -> None:
        """Write a strike of a film whose message is malformed (`db.films.screenings.strike`)."""
        with self._database.write() as session:
            refusal = screenings.strike(session, instance_id, film_key, reason)
        if refusal is not None:
            self._tell_of_refusal(film_key, refusal)

    @staticmethod
    def _tell_of_refusal(film_key: str, refusal: Refusal) -> None:
        metrics.STRUCK_OUT.inc()
        log.error("film refused", film=shorten_key(film_key), refusal=refusal.value)

    def _screen(self, request: ScreeningRequest, current: Stage) -> ScreeningOutcome:
        film_log = log.bind(film=shorten_key(request.film_key))
        film_log.debug("film taken")
        self.record_strikes()
        if self._link is not None:
            self._link.wait_until_ready(self._settings.time_limit_s * DEVICE_PATIENCE)
        with self._database.write() as session:
            attempt = screenings.begin_attempt(session, request.instance_id, request.film_key)
        if attempt is None:
            film_log.info("nothing to do")
            return ScreeningOutcome.NOTHING_TO_DO
        if isinstance(attempt, Refusal):
            self._tell_of_refusal(request.film_key, attempt)
            return ScreeningOutcome.REFUSED
        current.note(attempt=attempt.number, bundle=attempt.bundle_digest[:12])
        if attempt.number > 1:
            film_log.warning("tried again: an earlier attempt came to no end", attempt=attempt.number)
        result = self._predict(request, attempt, film_log)
        if result is None:
            return ScreeningOutcome.HANDED_BACK
        # The film's attempt is made and counted: an outage now must not be its strike.
        patience_s = self._settings.time_limit_s * RESULT_PATIENCE
        recorded = write_again(
            self._database, lambda session: screenings.record_result(session, result), patience_s
        )
        film_log.info("film screened", recorded=recorded, attempt=attempt.number)
        if not recorded:
            return ScreeningOutcome.NOTHING_TO_DO
        _count(result, attempt)
        if attempt.shadow_digest is None:
            self._shadow.let_go()
        else:
            self._shadow.screen(request, attempt.bundle_digest, attempt.doubts)
        return ScreeningOutcome.SCREENED

    def _predict(
        self, request: ScreeningRequest, attempt: screenings.Attempt, film_log: structlog.BoundLogger
    ) -> screenings.ScreeningResult | None:
        """Return the result of the film's bundle; None when the film was handed back unscored."""
        try:
            network = self.load(attempt.bundle_digest)
            manifest = localize(network.bundle.manifest, attempt.local_points)
        except (SQLAlchemyError, SoftTimeLimitExceeded):
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it is no film's fault
            is_told = isinstance(error, (PermanentError, OSError))
            film_log.error(
                "handed back: the bundle cannot be loaded",
                error=(is_told and str(error)) or type(error).__name__,
                help="tbscreen doctor",
            )
            self._hand_back(request, BROKEN_BUNDLE_PAUSE)
            return None
        if manifest.normalization["version"] != request.normalization_version:
            film_log.warning("handed back: array of another normalization")
            self._hand_back(request, timedelta(seconds=1))
            return None
        started_at = now()
        with (
            metrics.PREDICTION_SECONDS.time(),
            stage("prediction", request.film_key),
            # A film that was begun before is computed alone: a strike is then its own.
            network.taking_turn(alone=attempt.number > 1) as is_alone,
            self._strikes.predicting(request.instance_id, attempt.number) if is_alone else nullcontext(),
        ):
            scores, heat = network.predict_with_heat(request.array[np.newaxis])
        if self._link is None:
            metrics.BATCH_FILMS.observe(1)
        verdict = triage(float(scores[0]), manifest, attempt.operating_point, attempt.doubts)
        return screenings.ScreeningResult(
            instance_id=request.instance_id,
            bundle_digest=attempt.bundle_digest,
            operating_point=attempt.operating_point,
            **vars(verdict),
            worker=self._settings.name,
            started_at=started_at,
            finished_at=now(),
            heat=None if heat is None else _pack(turn_back(heat[0], attempt.observations)),
            film_key=request.film_key,
            runtime=network.runtime_name,
            precision=network.precision,
        )

    def record_strikes(self) -> None:
        """Write the strikes that films got from the parent process since the last call."""
        for film in self._strikes.take():
            with self._database.write() as session:
                screenings.record_strike(session, film)

    def strike_for_error(self, request: ScreeningRequest, error: Exception) -> None:
        """Write a strike of a film whose prediction raised an exception."""
        if isinstance(error, MemoryError) or request.canary is not None:
            return  # others on this host may hold the memory
        with self._database.write() as session:
            screenings.record_strike(session, request.instance_id)

    def load(self, digest: str) -> ScreeningNetwork:
        """Return the network of a bundle; the last two are kept, for the time of a change of bundles."""
        if digest not in self._networks:
            with put_off_time_limit():  # until it is kept: a slow load need not be made again
                network = self._open(digest)
                while len(self._networks) >= KEPT_NETWORKS:
                    del self._networks[next(iter(self._networks))]
                self._networks[digest] = network
        return self._networks[digest]

    def load_active(self) -> None:
        """Load the active bundle ahead of the first film, if there is one."""
        digest = self._opener.find_active()
        if digest is not None:
            self.load(digest)

    def _hand_back(self, request: ScreeningRequest, delay: timedelta) -> None:
        metrics.HANDED_BACK.inc()
        with self._database.write() as session:
            screenings.hand_back(session, request.instance_id, delay)

    def close(self) -> None:
        """Close its database connections."""
        self._database.close()


def _count(result: screenings.ScreeningResult, attempt: screenings.Attempt) -> None:
    bundle = result.bundle_digest[:12]
    metrics.SCREENINGS.labels(bundle, result.finding.value, result.priority.value).inc()
    metrics.SCORES.labels(bundle).observe(result.probability)
    metrics.TURNAROUND_SECONDS.observe((result.finished_at - attempt.received_at).total_seconds())


def _pack(heat: npt.NDArray[np.float32]) -> screenings.Heat:
    """Return a map (g, g) in 0..1 as db keeps it."""
    rows, columns = heat.shape
    cells = np.rint(heat * 255).astype(np.uint8).tobytes()
    return screenings.Heat(rows, columns, HEAT_MARGIN, cells)
