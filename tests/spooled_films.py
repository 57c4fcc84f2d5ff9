"""Films in a gateway's spool, with rows and renditions as the gateway makes them.

    python -m tests.spooled_films

prints the time and the size of tiles of 1300 by 900 pixels, of an uncompressed film and one in JPEG 2000,
from the page's question to its answer.
"""

from __future__ import annotations

import io
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from starlette.datastructures import QueryParams

from db import schema
from db.database import Database
from db.films import films
from db.settings import DatabaseSettings
from db.worklist.studies import StudyHeader
from dicom_gateway.dataset_header import read_header, to_json_model
from dicom_gateway.pixels.radiograph import read_rendering
from dicom_gateway.preparation.film_preparation import show
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from dicom_gateway.tiles.tile_loop import TileLoop
from tests.films import real_film
from tests.golden.synthetic import write_film
from tests.phantom import draw_phantom
from tests.unit import rows
from web.pages.film_tiles import FilmTiles

FINE_CORNER, FAINT_CORNER = (600, 800), (1200, 800)
"""First column and row of two patches of `PATCH` pixels a side, each a chessboard of single pixels: one from
black to white, and one whose steps are less than one grey of 8 bits."""

PATCH = 300


def draw_fine_film() -> npt.NDArray[np.uint16]:
    """Return 1600 rows and 2000 columns of 12 bits: a slope with the two patches."""
    down, across = np.mgrid[0:1600, 0:2000]
    film = (down + across).astype(np.uint16)
    board = (down[:PATCH, :PATCH] + across[:PATCH, :PATCH]) % 2
    for (left, top), low, high in ((FINE_CORNER, 0, 4095), (FAINT_CORNER, 2044, 2050)):
        film[top : top + PATCH, left : left + PATCH] = np.where(board, high, low)
    return film


def receive_spooled(database: Database, spool: Spool, path: Path, study: StudyHeader, uid: str) -> int:
    """Put a film into the spool and record its row and its rendition; return its number."""
    incoming = spool.incoming / path.name
    shutil.copy(path, incoming)
    file = spool.put(incoming, uid, 0)
    header = {**to_json_model(read_header(path).dataset), **rows.make_film(uid, study=study).header}
    instance_id = rows.receive(
        database, uid, study=study, spool_path=file.relative_path, byte_size=file.byte_size, header=header
    ).instance_id
    with database.write() as session:
        films.record_preparation(session, instance_id, show(read_rendering(path))[1], [])
    return instance_id


def receive_fine_film(
    database: Database, spool: Spool, folder: Path, study: StudyHeader, uid: str, **attributes: Any
) -> int:
    """Receive `draw_fine_film`, with these attributes by keyword."""
    path = write_film(folder / f"{uid}.dcm", draw_fine_film(), BitsStored=12, **attributes)
    return receive_spooled(database, spool, path, study, uid)


def receive_phantom(
    database: Database, spool: Spool, folder: Path, study: StudyHeader, uid: str, seed: int
) -> int:
    """Receive a drawn chest film of 2400 pixels a side, 12 bits, of a detector with pixels of 0.15 mm."""
    with Image.open(io.BytesIO(draw_phantom(seed, (0.34, 0.3, 0.07), 2400))) as drawn:
        greys = np.asarray(drawn, np.float32) * 16
    noise = np.random.default_rng(seed).normal(0, 40, greys.shape)
    film = np.clip(greys + noise, 0, 4095).astype(np.uint16)
    path = write_film(folder / f"{uid}.dcm", film, BitsStored=12, ImagerPixelSpacing=["0.15", "0.15"])
    return receive_spooled(database, spool, path, study, uid)


@contextmanager
def drawing_tiles(database: Database, spool: Spool) -> Iterator[TileLoop]:
    """Run a gateway's tile loop inside the block."""
    loop = TileLoop(database, spool, GatewaySettings(name=rows.GATEWAY))
    loop.start()
    try:
        yield loop
    finally:
        loop.end()
        loop.join(20)


def measure() -> None:
    """Print the figures: of the first tile, which starts the child, and of the twenty that follow."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = Database.open(DatabaseSettings(url=f"sqlite:///{folder}/tbscreen.sqlite3"))
        schema.upgrade(database)
        spool = Spool(folder / "spool")
        with drawing_tiles(database, spool):
            for number, file in enumerate(("RG1_UNCR.dcm", "RG1_J2KR.dcm"), start=1):
                uid = f"1.2.{number}"
                film = receive_spooled(database, spool, real_film(file), StudyHeader(uid), f"{uid}.1")
                tiles, times, sizes = FilmTiles(database), [], []
                for step in range(21):
                    part = {"left": 300 + 10 * step, "top": 300, "columns": 1300, "rows": 900}
                    begun = time.perf_counter()
                    jpeg = tiles.fetch(uid, film, QueryParams({**part, "width": 200 - step}))
                    times.append((time.perf_counter() - begun) * 1000)
                    sizes.append(len(jpeg) / 1000)
                then = statistics.median(times[1:])
                sys.stdout.write(
                    f"{file}: first {times[0]:.0f} ms, then {then:.0f} ms, {max(sizes):.0f} KB\n"
                )
        database.close()


if __name__ == "__main__":
    measure()
