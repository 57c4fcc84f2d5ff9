"""Scoring by the bundle in the shadow: recorded in db, not reported.

It runs when the film's own result is committed, in transactions of its own. Whatever goes wrong here is
logged and forgotten; a bundle that ends its process leaves a film begun and not finished, and the third such
film takes it out of the shadow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import structlog

from db.clock import now
from db.database import Database
from db.films.screenings import ScreeningResult
from db.models import bundles, shadow_screenings
from domain.bundle.triage import triage
from domain.codes import Doubt
from domain.film_stage import shorten_key
from domain.screening_request import ScreeningRequest
from worker.settings import WorkerSettings, resolve_batch

if TYPE_CHECKING:
    from worker.screening_network import ScreeningNetwork

log = structlog.get_logger(__name__)


class ShadowScreener:
    """Scores films with the bundle in the shadow, if there is one.

    Args:
        settings: of this worker host.
        database: open.
        load: makes a loaded network of a bundle's digest.
    """

    def __init__(
        self, settings: WorkerSettings, database: Database, load: Callable[[str], ScreeningNetwork]
    ) -> None:
        self._settings = settings
        self._database = database
        self._load = load
        self._loaded: ScreeningNetwork | None = None

    def let_go(self) -> None:
        """Drop the network of a bundle that is in the shadow no more."""
        self._loaded = None

    def screen(self, request: ScreeningRequest, reported_digest: str, doubts: Sequence[Doubt]) -> bool:
        """Score a film whose result is committed; raises nothing.

        Args:
            request: the film.
            reported_digest: of the bundle whose result is reported.
            doubts: what could not be verified of the film.

        Returns:
            True when a score was recorded.
        """
        try:
            return self._screen(request, reported_digest, doubts)
        except Exception as error:  # noqa: BLE001  no trouble of the shadow may reach the film
            log.error(
                "the bundle in the shadow failed",
                film=shorten_key(request.film_key),
                error=str(error) or type(error).__name__,
            )
            return False

    def _screen(self, request: ScreeningRequest, reported_digest: str, doubts: Sequence[Doubt]) -> bool:
        with self._database.read() as session:
            model = bundles.find_shadow(session)
        if model is None:
            self.let_go()
            return False
        if model.digest == reported_digest or model.normalization_version != request.normalization_version:
            return False
        row = self._begin(request, model.digest)
        if row is None:
            return False
        if self._loaded is None or self._loaded.bundle.digest != model.digest:
            self._loaded = None  # two in the shadow would hold twice the memory
            self._loaded = self._load(model.digest)
        result = self._predict(self._loaded, request, doubts)
        with self._database.write() as session:
            shadow_screenings.finish(session, row, result)
        return True

    def _begin(self, request: ScreeningRequest, digest: str) -> int | None:
        """Commit that the film is begun; None when it is not to be."""
        host = self._settings
        with self._database.write() as session:
            struck_out = shadow_screenings.strike_out(
                session, digest, host.name, host.processes * resolve_batch(host)
            )
            row = (
                None
                if struck_out
                else shadow_screenings.begin(session, request.instance_id, digest, host.name)
            )
        if struck_out:
            log.error(
                "the bundle in the shadow failed too often and was taken out of it",
                bundle=digest[:12],
                help="tbscreen models show",
            )
        return row

    def _predict(
        self, network: ScreeningNetwork, request: ScreeningRequest, doubts: Sequence[Doubt]
    ) -> ScreeningResult:
        manifest = network.bundle.manifest
        started_at = now()
        score = float(network.predict(request.array[np.newaxis])[0])
        verdict = triage(score, manifest, manifest.reported_operating_point, doubts)
        return ScreeningResult(
            instance_id=request.instance_id,
            bundle_digest=network.bundle.digest,
            operating_point=manifest.reported_operating_point,
            **vars(verdict),
            worker=self._settings.name,
            started_at=started_at,
            finished_at=now(),
            runtime=network.runtime_name,
            precision=network.precision,
        )
