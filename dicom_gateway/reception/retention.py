"""Takes files out of the spool when their films are done with."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Final

import structlog

from db import spooled_files
from db.database import Database
from db.tables import now
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool

INTERVAL_S: Final = 60.0
BATCH: Final = 200
UNFINISHED_S: Final = 3600.0
"""Nobody sends a dataset for so long; strays are looked for as often."""

log = structlog.get_logger(__name__)


class Retention(threading.Thread):
    """Every minute, deletes the files of films that are done, by age and by the size of the spool."""

    def __init__(self, database: Database, spool: Spool, settings: GatewaySettings) -> None:
        super().__init__(name="retention", daemon=True)
        self._database = database
        self._spool = spool
        self._settings = settings
        self._ending = threading.Event()
        self._suspects: set[str] = set()

    def end(self) -> None:
        """Stop after the batch at hand."""
        self._ending.set()

    def run(self) -> None:
        """Work until `end`."""
        strays_at = time.monotonic()
        while not self._ending.wait(INTERVAL_S):
            try:
                removed = self.sweep()
                if time.monotonic() >= strays_at:
                    removed += self.sweep_strays()
                    strays_at = time.monotonic() + UNFINISHED_S
            except Exception as error:  # noqa: BLE001  tried again in a minute
                log.error("the spool could not be swept", error=type(error).__name__)
                continue
            if removed:
                log.info("files left the spool", count=removed)

    def sweep_strays(self) -> int:
        """Delete files that no row names: their senders were told 0xA700 and did not come back.

        They stay as long as the files of films that are done: after a database was restored from an older
        backup, they are what is left of the films in between. And only what was a stray at the sweep before
        is deleted: a file is kept a moment before its row is committed, and a clock that jumps makes it look
        old in that moment.
        """
        strays = set()
        for path in self._spool.list_older_than(self._settings.spool_retention_hours * 3600):
            with self._database.read() as session:
                if not spooled_files.is_known(session, path):
                    strays.add(path)
        leaving = strays & self._suspects
        for path in leaving:
            self._spool.discard(path)
        self._suspects = strays - leaving
        return len(leaving) + self._spool.sweep_older_than(UNFINISHED_S)

    def sweep(self) -> int:
        """Delete what may go now; returns how many files."""
        old = now() - timedelta(hours=self._settings.spool_retention_hours)
        with self._database.read() as session:
            leaving = spooled_files.list_done(session, self._settings.name, old, BATCH)
            excess = (
                spooled_files.count_spooled_bytes(session, self._settings.name)
                - self._settings.spool_maximum_bytes
            )
            excess -= sum(film.byte_size for film in leaving)
            if excess > 0:
                known = {film.instance_id for film in leaving}
                for film in spooled_files.list_done(
                    session, self._settings.name, now(), BATCH + len(leaving)
                ):
                    if excess <= 0:
                        break
                    if film.instance_id not in known:
                        leaving.append(film)
                        excess -= film.byte_size
        for film in leaving:
            # The file first: a row that names a file that is gone is harmless, since its film is done; a
            # file that no row names would stay for ever.
            self._spool.discard(film.spool_path)
            with self._database.write() as session:
                spooled_files.forget_file(session, film.instance_id)
        return len(leaving)
