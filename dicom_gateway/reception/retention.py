"""Retention: deletes files from the spool when their films are done."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from datetime import timedelta
from typing import Final

import structlog

from db.canary import canaries
from db.clock import now
from db.database import Database
from db.erasure import erased_files
from db.films import spooled_files
from dicom_gateway.canary.canary_run import discard
from dicom_gateway.reception.spool_adoption import SpoolAdoption
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool

INTERVAL_S: Final = 60.0
BATCH: Final = 200
CANARY_REST: Final = timedelta(minutes=2)
"""Time after its deadline at which a canary film is deleted that was not deleted when it was judged."""
UNFINISHED_S: Final = 3600.0
"""Age of an unfinished dataset at which it is abandoned, and pause between two searches for stray files."""

log = structlog.get_logger(__name__)


class Retention(threading.Thread):
    """A thread that deletes the files of films that are done, by age and by the size of the spool.

    It also adds a row for each file without one.

    Args:
        database: holds the state of each film.
        spool: spool of this gateway.
        settings: limits of age and size.
        left_behind: files that were in the spool before this process received its first film.
        batch: most films in one query.
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
        """Stop after the current batch."""
        self._ending.set()

    def run(self) -> None:
        """Sweep the spool every minute until `end`."""
        strays_at = time.monotonic() + UNFINISHED_S
        while not self._ending.is_set():
            try:
                removed = self.sweep_erased()
                self.sweep_canaries()
                self.take_up_left_behind()
                removed += self.sweep_all()
                if time.monotonic() >= strays_at:
                    removed += self.sweep_strays()
                    strays_at = time.monotonic() + UNFINISHED_S
                if removed:
                    log.info("files left the spool", count=removed)
            except Exception as error:  # noqa: BLE001  tried again in a minute
                log.error("spool not swept", error=type(error).__name__)
            self._ending.wait(INTERVAL_S)

    def sweep_erased(self) -> int:
        """Delete the files of films that were erased with their patient; return their number.

        It runs before `take_up_left_behind`, which would receive them again. A file that is newer than the
        erasure is that of a film that was sent again, and stays.
        """
        name, removed = self._settings.name, 0
        while not self._ending.is_set():
            with self._database.read() as session:
                erased = erased_files.list_of_gateway(session, name, self._batch)
            for path, erased_at in erased:
                removed += self._spool.discard_older(path, erased_at.timestamp())
                with self._database.write() as session:
                    erased_files.forget(session, name, path)
            if len(erased) < self._batch:
                break
        return removed

    def sweep_canaries(self) -> None:
        """Delete canary films that nobody awaits any more, as those of a command that was killed."""
        with self._database.read() as session:
            overdue = canaries.list_of_gateway(session, self._settings.name, now() - CANARY_REST)
        for canary in overdue:
            discard(self._database, self._spool, canary.id)

    def take_up_left_behind(self) -> int:
        """Receive the films that an earlier process left without a row; return their number."""
        if not self._left_behind:
            return 0
        count = self._adoption.adopt(self._adoption.find_unknown(self._left_behind))
        self._left_behind = []
        return count

    def sweep_all(self) -> int:
        """Delete all deletable files in batches, until done or told to end; return their number.

        A single batch a minute would not keep up with more than three films a second.
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

        Such files remain when the database is restored from a backup, or fails before their rows are
        committed. Only files that were strays in the previous sweep are received: a file exists for a moment
        before its row is committed, and a jump of the clock can make it look old. Files that cannot be
        received are deleted at the age at which files of finished films are deleted.
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
        """Delete a batch of deletable files; return their number."""
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
            # The file first: a row with a missing file is harmless, since its film is done; a file without
            # a row would not be found here again.
            self._spool.discard(film.spool_path)
            with self._database.write() as session:
                spooled_files.forget_file(session, film.instance_id)
        return len(leaving)
