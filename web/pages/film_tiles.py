"""Tiles of films at full resolution: asked for in the database, drawn by the gateway that has the file."""

from __future__ import annotations

import threading
import time
from typing import Final

from pydantic import ValidationError
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from db.database import Database
from db.films import film_tiles
from db.films.film_tiles import GIVE_UP, FileGoneError, NoPictureError, TileAnswer, TilesBusyError
from domain.languages.sentence import say
from domain.viewing.film_tile import TileFailure, TileView

LOOK_EVERY_S: Final = 0.02

MOST_AT_ONCE: Final = 6
"""Most tiles that wait in this process: each holds a thread, of which the other pages need some."""

GONE: Final = say("The film's file has left the gateway's spool. The film itself is in the PACS.")
BUSY: Final = say("Too many tiles are asked for at once. Ask again.")


class FilmTiles:
    """Fetches tiles for the page, a few at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)

    def fetch(self, uid: str, film: int, query: QueryParams) -> bytes:
        """Return a part of a film as JPEG, 8 bit grey, one pixel for each pixel of the film.

        Args:
            uid: the film's study.
            film: its number.
            query: the fields of `domain.viewing.film_tile.TileView`.

        Raises:
            HTTPException: 400 for a part that no tile can have, 404 for a film without a picture, 410 where
                the film's file is in no spool, 422 for a part that is not on the film or a film that cannot
                be decoded, 503 with Retry-After where no gateway answers, or too many tiles are awaited.
        """
        view = _read_view(query)
        if not self._places.acquire(blocking=False):
            raise HTTPException(503, BUSY, {"Retry-After": "1"})
        try:
            answer = self._ask(uid, film, view)
        finally:
            self._places.release()
        if answer.jpeg is None:
            if answer.failure is TileFailure.FILE_GONE:
                raise HTTPException(410, GONE)
            raise HTTPException(422, say("The gateway cannot draw this part of the film."))
        return answer.jpeg

    def _ask(self, uid: str, film: int, view: TileView) -> TileAnswer:
        try:
            with self._database.write() as session:
                tile_id = film_tiles.ask(session, uid, film, view)
        except NoPictureError as error:
            raise HTTPException(404, say("{reason}.", reason=str(error))) from None
        except FileGoneError:
            raise HTTPException(410, GONE) from None
        except TilesBusyError:
            raise HTTPException(503, BUSY, {"Retry-After": "1"}) from None
        latest = time.monotonic() + GIVE_UP.total_seconds()
        while time.monotonic() < latest:
            with self._database.read() as session:
                answer = film_tiles.find_answer(session, tile_id)
            if answer is not None:
                return answer
            time.sleep(LOOK_EVERY_S)
        raise HTTPException(503, say("The gateway that has the film does not answer."), {"Retry-After": "10"})


def _read_view(query: QueryParams) -> TileView:
    try:
        return TileView.model_validate(dict(query))
    except ValidationError:
        raise HTTPException(400, say("A tile is a part of the film with a window.")) from None
