"""Tiles are the film's own pixels with the reader's window; a child that attacks or dies stops nothing."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import msgpack
import numpy as np
import pytest
from PIL import Image

from dicom_gateway.pixels.radiograph import read_display, read_rendering
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.tiles import tile_process
from dicom_gateway.tiles.tile_drawing import KeptFilm, draw_tile
from dicom_gateway.tiles.tile_message import START_OF_JPEG
from dicom_gateway.tiles.tile_process import TileProcess
from domain.viewing.film_tile import MOST_PIXELS, TileView
from tests.golden.synthetic import draw_shapes, make_lut, write_film

CORNER = TileView(left=40, top=60, columns=200, rows=100)


@pytest.fixture
def process() -> Iterator[TileProcess]:
    made = TileProcess(GatewaySettings(preparation_timeout_s=10))
    yield made
    made.close()


def serve_captured(answer: bytes, connection: Connection, _: GatewaySettings) -> None:
    """The life of a child that a hostile film has taken over."""
    connection.send_bytes(b"up")
    connection.recv_bytes()
    connection.send_bytes(answer)


@pytest.mark.parametrize(
    "attributes",
    [{}, {"PhotometricInterpretation": "MONOCHROME1"}, make_lut("VOILUTSequence", 0, 12, [4095, 0, 2000])],
)
def test_a_tile_is_what_the_film_shows_there(tmp_path: Path, attributes: dict[str, object]) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(12), BitsStored=12, **attributes)
    shown = read_display(film)[60:160, 40:240]
    for view in (CORNER, CORNER.model_copy(update={"level": 100.0, "width": 60.0, "inverted": True})):
        tile = np.asarray(Image.open(io.BytesIO(draw_tile(read_rendering(film), view))), np.float32)
        expected = np.clip((shown * 255 - view.level) / view.width + 0.5, 0, 1)
        expected = 1 - expected if view.inverted else expected
        assert np.abs(tile - expected * 255).mean() < 2
    with pytest.raises(ValueError, match="beyond"):
        draw_tile(read_rendering(film), CORNER.model_copy(update={"left": 300}))


def test_the_film_is_decoded_once_until_its_file_changes(tmp_path: Path) -> None:
    film, kept = write_film(tmp_path / "film.dcm", draw_shapes(12), BitsStored=12), KeptFilm()
    first = kept.open(film)
    assert kept.open(film) is first
    write_film(film, draw_shapes(8))
    assert kept.open(film) is not first
    film.unlink()
    with pytest.raises(FileNotFoundError):
        kept.open(film)


def test_a_child_draws_and_what_it_cannot_decode_is_no_tile(process: TileProcess, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(12), BitsStored=12)
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(film.read_bytes()[:-1000])
    assert process.draw(film, CORNER) == draw_tile(read_rendering(film), CORNER)
    assert process.draw(broken, CORNER) is None
    assert process.draw(film, CORNER) is not None


def test_a_tile_that_takes_too_long_is_none_and_the_next_is_drawn(tmp_path: Path) -> None:
    hanging = tmp_path / "hanging.dcm"
    os.mkfifo(hanging)
    film = write_film(tmp_path / "film.dcm", draw_shapes(12), BitsStored=12)
    process = TileProcess(GatewaySettings(preparation_timeout_s=2))
    try:
        assert process.draw(hanging, CORNER) is None
        assert process.draw(film, CORNER) is not None
    finally:
        process.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"\x80\x04.",
        msgpack.packb({"jpeg": b"GIF89a"}),
        msgpack.packb({"jpeg": START_OF_JPEG, "path": "/etc/passwd"}),
        msgpack.packb({"jpeg": b"", "error": "Doe^Jane"}),
        msgpack.packb({"jpeg": START_OF_JPEG + b"\0" * 9 * 1024 * 1024}),
    ],
)
def test_what_is_no_tile_is_not_passed_on(
    answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_process, "_serve", partial(serve_captured, answer))
    process = TileProcess(GatewaySettings())
    assert process.draw(tmp_path / "film.dcm", CORNER) is None


@pytest.mark.parametrize(
    "change", [{"left": -1}, {"columns": 0}, {"columns": 2049, "rows": 2048}, {"width": 0}, {"level": "nan"}]
)
def test_a_part_without_bounds_is_no_tile(change: dict[str, object]) -> None:
    assert MOST_PIXELS < 2049 * 2048
    with pytest.raises(ValueError, match="validation error"):
        TileView.model_validate({**CORNER.model_dump(), **change})
