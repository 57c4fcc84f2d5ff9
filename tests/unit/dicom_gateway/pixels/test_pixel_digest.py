"""The digest of decoded pixels: the same in each lossless encoding, another for other pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from dicom_gateway.pixels.radiograph import read_rendering
from tests.films import read, small_film


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_a_lossless_encoding_keeps_the_digest(tmp_path: Path, syntax: str) -> None:
    film = small_film(tmp_path)
    encoded = dcmread(film)
    encoded.compress(syntax)
    encoded.save_as(tmp_path / "encoded.dcm")
    assert read_rendering(tmp_path / "encoded.dcm").digest() == read_rendering(film).digest()


def test_unused_bits_and_the_header_do_not_count(tmp_path: Path) -> None:
    film = small_film(tmp_path)
    changed = read(film)
    unused = ~((1 << changed.BitsStored) - 1) & 0xFFFF
    assert unused
    changed.PixelData = (changed.pixel_array.astype(np.uint16) | np.uint16(unused)).tobytes()
    changed.PatientName, changed.WindowWidth = "Roe^Mary", 77
    changed.save_as(tmp_path / "changed.dcm")
    assert read_rendering(tmp_path / "changed.dcm").digest() == read_rendering(film).digest()


def test_one_other_pixel_is_another_digest(tmp_path: Path) -> None:
    films = [small_film(tmp_path, number) for number in (1, 2)]
    assert len({read_rendering(film).digest() for film in films}) == 2
