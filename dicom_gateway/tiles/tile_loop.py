"""The loop that answers the requests of pages for tiles of films in this gateway's spool."""

from __future__ import annotations

import threading
import time
from typing import Final

import structlog

from db.commit_watch import CommitWatch
from db.database import Database
from db.films import film_tiles
from db.films.film_tiles import TileAnswer, WaitingTile
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from dicom_gateway.tiles.tile_process import TileProcess
from domain.viewing.film_tile import TileFailure, TileView

IDLE_S: Final = 0.2
"""Pause between two looks at the database while no page asks."""

BUSY_S: Final = 0.02
"""Pause while a reader looks at a film."""

LOOKING_S: Final = 60.0
"""Time after a tile for which a reader is expected to ask for the next one."""

CHILD_STAYS_S: Final = 600.0
"""Time without a request after which the child is ended."""

SWEEP_S: Final = 20.0
"""Longest time between two looks, and shortest one between two deletions of old tiles."""

KEPT_S: Final = film_tiles.KEPT.total_seconds()

log = structlog.get_logger(__name__)


class TileLoop(threading.Thread):
    """A thread that draws the tiles that pages ask this gateway for.

    Args:
        database: holds requests and answers.
        spool: spool of this gateway.
        settings: its name and the limits of its child processes.
    """

    def __init__(self, database: Database, spool: Spool, settings: GatewaySettings) -> None:
        super().__init__(name="tiles", daemon=True)
        self._database = database
        self._spool = spool
        self._name = settings.name
        self._process = TileProcess(settings)
        self._watch = CommitWatch(database, SWEEP_S)
        self._ending = threading.Event()
        self._asked_at = float("-inf")
        self._swept_at = float("-inf")

    def end(self) -> None:
        """Finish the current tile and stop."""
        self._ending.set()

    def run(self) -> None:
        """Answer requests until `end`."""
        while not self._ending.is_set():
            try:
                if self._watch.has_news():
                    self._answer_all()
                if self._asked_at < time.monotonic() - CHILD_STAYS_S:
                    self._process.close()
            except Exception as error:  # noqa: BLE001  films are screened without tiles
                log.error("tile loop failed; pages show the fitted picture", error=type(error).__name__)
                self._ending.wait(1.0)
            is_busy = time.monotonic() < self._asked_at + LOOKING_S
            self._ending.wait(BUSY_S if is_busy else IDLE_S)
        self._process.close()
        self._watch.close()

    def _answer_all(self) -> None:
        with self._database.read() as session:
            waiting = film_tiles.list_waiting(session, self._name)
        for tile in waiting:
            if self._ending.is_set():
                return
            answer = self._draw(tile)
            self._asked_at = time.monotonic()
            with self._database.write() as session:
                film_tiles.answer(session, tile, answer)
        if self._swept_at < time.monotonic() - SWEEP_S and self._asked_at + KEPT_S >= self._swept_at:
            with self._database.write() as session:
                film_tiles.sweep(session)
            self._swept_at = time.monotonic()

    def _draw(self, tile: WaitingTile) -> TileAnswer:
        path = None if tile.spool_path is None else self._spool.path(tile.spool_path)
        if path is None or not path.is_file():
            return TileAnswer(None, TileFailure.FILE_GONE)
        try:
            view = TileView.model_validate(tile.view)
        except ValueError:  # of another version of the page
            return TileAnswer(None, TileFailure.UNDECODABLE)
        jpeg = self._process.draw(path, view)
        return TileAnswer(jpeg, None if jpeg else TileFailure.UNDECODABLE)
