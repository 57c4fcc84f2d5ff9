"""The child process that draws tiles: it starts with the first one, and ends when none is asked for."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import structlog

from dicom_gateway.pixels.decoding_process import DecodingProcess, begin
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.tiles.tile_drawing import KeptFilm, draw_tile
from dicom_gateway.tiles.tile_message import (
    MAX_ANSWER_BYTES,
    DrawnTile,
    pack_answer,
    pack_request,
    unpack_answer,
    unpack_request,
)
from domain.viewing.film_tile import TileView

KEEP_FILM_S: Final = 30.0
"""Time without a request after which the child forgets the film that it has decoded."""

LONGEST_S: Final = 15.0
"""Longest time to draw a tile; no page waits longer."""

log = structlog.get_logger(__name__)


class TileProcess:
    """A child process that draws one tile at a time and is replaced when it dies or hangs."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._child = DecodingProcess(_serve, settings)
        self._longest_s = min(LONGEST_S, settings.preparation_timeout_s)

    def draw(self, path: Path, view: TileView) -> bytes | None:
        """Return a tile as JPEG; None when the child died, hung or could not decode the film."""
        try:
            answer = unpack_answer(
                self._child.ask(pack_request(path, view), MAX_ANSWER_BYTES, self._longest_s)
            )
        except (EOFError, OSError) as error:
            log.error("tile not drawn", error=type(error).__name__)
        except ValueError:
            log.error("the tile process gave a malformed answer")
        else:
            if answer.error:
                log.warning("tile not drawn", error=answer.error)
            return answer.jpeg or None
        self.close()
        return None

    def close(self) -> None:
        """End the child."""
        self._child.close()


def _serve(connection: Connection, settings: GatewaySettings) -> None:
    """Run the child: draw the requested tiles until the gateway closes the connection."""
    begin(connection, settings)
    kept = KeptFilm()
    while True:
        try:
            if not connection.poll(KEEP_FILM_S):
                kept.forget()
            path, view = unpack_request(connection.recv_bytes())
        except (EOFError, KeyboardInterrupt):
            return
        try:
            tile = DrawnTile(jpeg=draw_tile(kept.open(path), view))
        except Exception as error:  # noqa: BLE001  decoders raise many types, and their texts may quote the header
            kept.forget()
            tile = DrawnTile(jpeg=b"", error=type(error).__name__)
        connection.send_bytes(pack_answer(tile))
