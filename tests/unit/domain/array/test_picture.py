"""Pictures to display values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from domain.array.picture import read_picture

RAMP = np.arange(65536, dtype=np.uint16).reshape(256, 256)


def test_grey_pictures_keep_every_value(tmp_path: Path) -> None:
    Image.fromarray((RAMP >> 8).astype(np.uint8)).save(tmp_path / "8.png")
    Image.fromarray(RAMP).save(tmp_path / "16.png")
    for name, expected in (("8.png", (RAMP >> 8) / 255), ("16.png", RAMP / 65535)):
        display = read_picture(tmp_path / name)
        assert display.dtype == np.float32
        assert np.allclose(display, expected, atol=1e-7)


def test_colour_becomes_its_luminance(tmp_path: Path) -> None:
    colours = np.zeros((4, 3, 3), np.uint8)
    colours[:, 0], colours[:, 1], colours[:, 2] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    Image.fromarray(colours).save(tmp_path / "colour.png")
    assert np.allclose(read_picture(tmp_path / "colour.png"), [[0.299, 0.587, 0.114]] * 4, atol=0.003)


def test_a_damaged_picture_is_an_error_wherever_it_is_cut(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    for ending in ("png", "jpg"):
        whole = tmp_path / f"whole.{ending}"
        Image.fromarray(noise).save(whole)
        content = whole.read_bytes()
        for length in range(0, len(content) - 64, 97):
            cut = tmp_path / f"cut.{ending}"
            cut.write_bytes(content[:length])
            with pytest.raises((ValueError, OSError)):
                read_picture(cut)
            assert read_picture(whole).shape == (64, 64)


@pytest.mark.parametrize("place", range(8, 60, 3))
def test_a_picture_with_a_wrong_byte_is_an_error_or_a_picture(place: int, tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    Image.fromarray(np.full((64, 64), 128, np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x15
    path.write_bytes(content)
    try:
        display = read_picture(path)
    except (ValueError, OSError):
        return
    assert 0.0 <= float(display.min()) <= float(display.max()) <= 1.0


def test_what_is_no_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    with pytest.raises(UnidentifiedImageError):
        read_picture(tmp_path / "notes.png")
    Image.new("1", (20_000, 5_001)).save(tmp_path / "huge.png")
    with pytest.raises((ValueError, Image.DecompressionBombWarning), match=r"20000 by 5001|100020000 pixels"):
        read_picture(tmp_path / "huge.png")
