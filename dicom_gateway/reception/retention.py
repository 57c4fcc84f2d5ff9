"""Retention: deletes files from the spool when their films are done."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from datetime import timedelta
from typing import Final

import structlog

from db.clock import now
from db.database import Database
from db.films import spooled_files
from dicom_gateway.reception.spool_adoption import SpoolAdoption
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool

INTERVAL_S: Final = 60.0
BATCH: Final = 200
UNFINISHED_S: Final = 3600.0
"""Age of an unfinished dataset at which it is abandoned, and pause between two searches for stray files."""

log = structlog.get_logger(__name__)


class Retention(threading.Thread):
    """Every minute, deletes the files of films that are done, by age and by the size of the spool.

    It also gives a row to each file that has none.

    Args:
        database: knows the films that are done.
        spool: of this gateway.
        settings: age and size to keep.
        left_behind: files that lay in the spool before this process took its first film.
        batch: most films looked up at a time.
    """

    def __init__(
        self,
        database: Database,
        spool: Spool,
        settings: GatewaySettings,
        left_behind: Collection[str] = (),
        batch: int = BATCH,
    ) -> None:
        super().__init__(name="retention", daemon=True)
        self._batch = batch
        self._database = database
        self._spool = spool
        self._settings = settings
        self._adoption = SpoolAdoption(database, spool, settings)
        self._left_behind = list(left_behind)
        self._ending = threading.Event()
        self._suspects: set[str] = set()

    def end(self) -> None:
        """Stop after the batch at hand."""
        self._ending.set()

    def run(self) -> None:
        """Work until `end`."""
        strays_at = time.monotonic() + UNFINISHED_S
        while not self._ending.is_set():
            try:
                self.take_up_left_behind()
                removed = self.sweep_all()
                if time.monotonic() >= strays_at:
                    removed += self.sweep_strays()
                    strays_at = time.monotonic() + UNFINISHED_S
                if removed:
                    log.info("files left the spool", count=removed)
            except Exception as error:  # noqa: BLE001  tried again in a minute
                log.error("the spool could not be swept", error=type(error).__name__)
            self._ending.wait(INTERVAL_S)

    def take_up_left_behind(self) -> int:
        """Receive the films that an earlier process left here without a row; return their number."""
        if not self._left_behind:
            return 0
        count = self._adoption.adopt(self._adoption.find_unknown(self._left_behind))
        self._left_behind = []
        return count

    def sweep_all(self) -> int:
        """Delete the files that may go now, batch by batch, until done or told to end; return their number.

        A batch a minute would be outrun by a gateway that receives more than three films a second.
        """
        removed = 0
        while not self._ending.is_set():
            swept = self.sweep()
            removed += swept
            if swept < self._batch:
                break
        return removed

    def sweep_strays(self) -> int:
        """Receive the films without a row; return the number of deleted files.

        A gateway that was cut off while its database was restored has them, and so has one whose database
        went away before their rows were committed. Only what was a stray at the sweep before is taken up: a
        file is kept a moment before its row is committed, and a clock that jumps makes it look old in that
        moment. What cannot be received is deleted when it is as old as files of films that are done.
        """
        strays = set(self._adoption.find_unknown(self._spool.list_older_than(UNFINISHED_S)))
        lasting = strays & self._suspects
        self._adoption.adopt(lasting)
        useless = set(self._adoption.find_unknown(lasting)) & set(
            self._spool.list_older_than(self._settings.spool_retention_hours * 3600)
        )
        for path in useless:
            self._spool.discard(path)
        self._suspects = strays - useless
        return len(useless) + self._spool.sweep_older_than(UNFINISHED_S)

    def sweep(self) -> int:
        """Delete a batch of the files that may go now; return their number."""
        old = now() - timedelta(hours=self._settings.spool_retention_hours)
        with self._database.read() as session:
            leaving = spooled_files.list_done(session, self._settings.name, old, self._batch)
            excess = (
                spooled_files.count_spooled_bytes(session, self._settings.name)
                - self._settings.spool_maximum_bytes
            )
            excess -= sum(film.byte_size for film in leaving)
            if excess > 0:
                known = {film.instance_id for film in leaving}
                for film in spooled_files.list_done(
                    session, self._settings.name, now(), self._batch + len(leaving)
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
