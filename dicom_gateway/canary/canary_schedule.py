"""The schedule of canary films: one every few minutes, each gateway its own."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Final

import structlog

from db.canary import canaries, verdicts
from db.clock import now
from db.database import Database
from dicom_gateway.canary.canary_run import CanaryRun, discard
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool

START_S: Final = 5.0
"""Pause before the first canary film, in which the processes of a service start."""
GRACE: Final = timedelta(seconds=60)
"""Delay of a verdict that is no alarm."""

log = structlog.get_logger(__name__)


class CanarySchedule(threading.Thread):
    """A thread that sends canary films to its gateway's own port; none where the settings ask for none.

    Args:
        settings: of the gateway.
        database: the database of the installation.
        spool: the gateway's spool.
    """

    def __init__(self, settings: GatewaySettings, database: Database, spool: Spool) -> None:
        super().__init__(name="canary", daemon=True)
        self._settings = settings
        self._database = database
        self._spool = spool
        self._ending = threading.Event()
        self._run = CanaryRun(settings, database, spool, self._ending.wait)

    def end(self) -> None:
        """Stop, without waiting for the score of a canary film that is on its way."""
        self._ending.set()

    def run(self) -> None:
        """Delete what an earlier process left; then send canary films until `end`."""
        every_s = self._settings.canary.every_minutes * 60
        while not self._attempt(self._tidy) and not self._ending.wait(START_S):
            pass
        if not every_s or self._ending.wait(START_S):
            return
        while True:
            due = time.monotonic() + every_s
            self._attempt(self._send)
            if self._ending.wait(max(0.0, due - time.monotonic())):
                return

    def _tidy(self) -> None:
        with self._database.read() as session:
            left = canaries.list_of_gateway(session, self._settings.name)
        for canary in left:
            discard(self._database, self._spool, canary.id)
        if not self._settings.canary.every_minutes:
            with self._database.write() as session:
                verdicts.expect_none(session, self._settings.name)

    def _send(self) -> None:
        canary = self._settings.canary
        next_by = now() + timedelta(minutes=canary.every_minutes, seconds=2 * canary.deadline_s) + GRACE
        self._run.run(next_by)

    @staticmethod
    def _attempt(work: object) -> bool:
        """True when it was done; a database that is away is tried again later."""
        assert callable(work)
        try:
            work()
        except Exception as error:  # noqa: BLE001  tried again
            log.error("canary film not sent", error=type(error).__name__)
            return False
        return True
