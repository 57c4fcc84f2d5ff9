"""Scores of canary films: as those of films, but without finding, report or bundle in the shadow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import structlog

from db.canary import canaries
from db.database import Database
from domain.film_stage import shorten_key
from domain.screening_request import ScreeningRequest

if TYPE_CHECKING:
    from worker.screening_network import ScreeningNetwork

log = structlog.get_logger(__name__)


class CanaryScorer:
    """Scores canary films.

    Args:
        worker: name of this worker host.
        database: open.
        load: returns the loaded network of a bundle's digest.
    """

    def __init__(self, worker: str, database: Database, load: Callable[[str], ScreeningNetwork]) -> None:
        self._worker = worker
        self._database = database
        self._load = load

    def score(self, request: ScreeningRequest, number: int) -> bool:
        """Score a canary film, with the attempt committed before the work and the score after it.

        Args:
            request: its message.
            number: its row.

        Returns:
            False when nobody awaits it.
        """
        with self._database.write() as session:
            digest = canaries.begin_attempt(session, number, request.film_key)
        if digest is None:
            return False
        network = self._load(digest)
        score = float(network.predict_with_heat(request.array[np.newaxis])[0][0])  # as films are scored
        way = network.runtime_name, network.precision
        with self._database.write() as session:
            recorded = canaries.record_score(session, number, request.film_key, score, way, self._worker)
        log.debug("canary film scored", film=shorten_key(request.film_key), recorded=recorded)
        return recorded
