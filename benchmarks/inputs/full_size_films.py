"""Films as large as a detector makes them, from one real film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid


def make_films(
    directory: Path, count: int, rows: int = 2500, columns: int = 2048, uid_length: int | None = None
) -> list[Path]:
    """Write `count` different films of RG1's kind, 16 bit, uncompressed.

    Args:
        directory: made if it is not there.
        count: how many.
        rows: of each film.
        columns: of each film.
        uid_length: of their UIDs, in characters; as it comes if None.
    """
    directory.mkdir(parents=True, exist_ok=True)
    source = get_testdata_file("RG1_UNCR.dcm")
    assert source is not None, "the package pydicom-data is not installed"
    film = dcmread(source)
    image = Image.fromarray(film.pixel_array.astype(np.int32)).resize(
        (columns, rows), Image.Resampling.BILINEAR
    )
    pixels = np.asarray(image).astype(np.uint16)
    film.Rows, film.Columns, film.BitsStored, film.HighBit = rows, columns, 16, 15
    paths = []
    for number in range(count):
        pixels[0, :64] = number
        film.PixelData = pixels.tobytes()
        film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = _make_uid(uid_length)
        film.StudyInstanceUID, film.SeriesInstanceUID = _make_uid(uid_length), _make_uid(uid_length)
        path = directory / f"{number:04d}.dcm"
        film.save_as(path)
        paths.append(path)
    return paths


def _make_uid(length: int | None) -> str:
    uid = str(generate_uid())
    return uid if length is None else (uid + "0" * length)[:length]
