"""Preparation of canary films that arrived, by the process that prepares all films; then to the workers."""

from __future__ import annotations

import time
from typing import Final

import structlog

from db.canary import canaries
from db.canary.canaries import CanaryEntry
from db.database import Database
from dicom_gateway.dispatch import BrokerAwayError, Dispatcher
from dicom_gateway.preparation.preparation_process import PreparationProcess
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from domain.array.normalization import SPEC
from domain.film_key import film_key
from domain.screening_request import FIRST_CANARY, ScreeningRequest

LOOK_EVERY_S: Final = 1.0

log = structlog.get_logger(__name__)


class CanaryPreparation:
    """Prepares the canary films of one gateway and sends them to the workers.

    Args:
        database: the canary films.
        spool: the gateway's spool.
        dispatcher: the broker.
        child: the process that prepares films.
        settings: of the gateway.
    """

    def __init__(
        self,
        database: Database,
        spool: Spool,
        dispatcher: Dispatcher,
        child: PreparationProcess,
        settings: GatewaySettings,
    ) -> None:
        self._database = database
        self._spool = spool
        self._dispatcher = dispatcher
        self._child = child
        self._settings = settings
        self._looked_at = -LOOK_EVERY_S

    def work(self) -> None:
        """Prepare the next canary film, if one came since the last look, at most a second ago."""
        if time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = time.monotonic()
        with self._database.read() as session:
            if not canaries.has_waiting(session, self._settings.name):
                return
        with self._database.write() as session:
            canary = canaries.take_next(session, self._settings.name)
        if canary is not None:
            failure = self._prepare(canary)
            if failure is not None:
                with self._database.write() as session:
                    canaries.fail(session, canary.id, failure)

    def _prepare(self, canary: CanaryEntry) -> str | None:
        """Prepare and dispatch a canary film; return why it gets no score."""
        if canary.spool_path is None:
            return "its file is no longer in the spool"
        path = self._spool.path(canary.spool_path)
        preparation = self._child.prepare(path, self._settings.canary.ae_title)
        if preparation is None:
            return "its preparation died or hung"
        if preparation.array is None:
            rule = f" by the rule {preparation.rule}" if preparation.rule else ""
            return (
                f"refused{rule} as {preparation.refusal}: {preparation.detail}; let it through: "
                f'[[gateway.rules]] calling_ae_titles = ["{self._settings.canary.ae_title}"]'
            )
        with self._database.write() as session:
            if not canaries.record_dispatch(session, canary.id, SPEC.version):
                return "no bundle of our normalization is active"
        key = film_key(canary.sop_instance_uid)
        request = ScreeningRequest(FIRST_CANARY + canary.id, key, SPEC.version, preparation.array)
        try:
            self._dispatcher.send(request)
        except BrokerAwayError as error:
            return f"the broker is away ({error})"
        log.debug("canary film dispatched")
        return None
