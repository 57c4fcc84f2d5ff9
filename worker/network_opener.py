"""Opens the network of a bundle on the fastest runtime of this host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from db.database import Database
from db.models import admissions, bundles
from worker.bundle_cache import BundleCache
from worker.settings import WorkerSettings
from worker.time_limit import put_off_time_limit

if TYPE_CHECKING:
    from worker.screening_network import ScreeningNetwork

log = structlog.get_logger(__name__)


class NetworkOpener:
    """Opens networks. Make it in the process that computes: it loads OpenVINO or TensorFlow.

    Args:
        settings: of this worker host.
        graph_directory: folder of the networks that this host has prepared for OpenVINO.
        cache: of bundles.
        database: open.
    """

    def __init__(
        self, settings: WorkerSettings, graph_directory: Path, cache: BundleCache, database: Database
    ) -> None:
        self._settings = settings
        self._graph_directory = graph_directory
        self._cache = cache
        self._database = database

    def find_active(self) -> str | None:
        """Return the digest of the active bundle, if there is one."""
        with self._database.read() as session:
            active = bundles.find_active(session)
        return None if active is None else active.digest

    @put_off_time_limit()
    def open(self, digest: str) -> ScreeningNetwork:
        """Return the network of a registered bundle, warmed up.

        Raises:
            PermanentError: when the bundle cannot be loaded.
            OSError, SQLAlchemyError: when its cache or the database cannot be read.
        """
        # Imported here because they load OpenVINO and TensorFlow, which must happen after the fork.
        from worker.prepared_network import open_prepared

        host = self._settings
        with self._database.read() as session:
            golden_scores = admissions.find_golden_scores(session, digest)
        if not golden_scores:
            log.warning("no golden scores known: the bundle's word is taken", bundle=digest[:12])
        bundle = self._cache.open(digest)
        wanted = (host.threads, host.runtime, host.precision, golden_scores)
        network = open_prepared(bundle, self._graph_directory, *wanted)
        if network is None:
            from worker.predictor import Predictor

            network = Predictor(bundle, *wanted)
        network.warm_up()
        log.info("bundle loaded", bundle=digest[:12], runtime=network.runtime)
        return network
