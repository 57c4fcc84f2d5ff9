"""Real films to send, and files made from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid


def real_film(name: str = "RG1_UNCR.dcm") -> Path:
    """Return the path of a real film of the package pydicom-data."""
    path = get_testdata_file(name)
    assert path is not None, "the package pydicom-data is not installed"
    return Path(path)


def small_film(folder: Path, number: int = 0, **changes: object) -> Path:
    """Write a film of RG1's kind, 512 pixels a side, with UIDs and pixels of its own.

    Args:
        folder: where to.
        number: makes the pixels different.
        changes: attributes by keyword; None deletes one.
    """
    film = dcmread(real_film())
    image = Image.fromarray(film.pixel_array.astype(np.int32)).resize((512, 512))
    pixels = np.asarray(image).astype(np.uint16)
    pixels[0, 0] = number
    film.Rows = film.Columns = 512
    film.PixelData = pixels.tobytes()
    film.StudyInstanceUID, film.SeriesInstanceUID = generate_uid(), generate_uid()
    film.SOPInstanceUID = generate_uid()
    for keyword, value in changes.items():
        if value is None:
            delattr(film, keyword)
        else:
            setattr(film, keyword, value)
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
    path = folder / f"film-{film.SOPInstanceUID}.dcm"
    film.save_as(path)
    return path


def read(path: Path) -> Dataset:
    """Return a file's dataset."""
    return dcmread(path)


def dataset_offset(path: Path) -> int:
    """Return where the dataset begins in a Part 10 file, bytes."""
    return 128 + 4 + 12 + int(dcmread(path, stop_before_pixels=True).file_meta.FileMetaInformationGroupLength)


def with_dataset(path: Path, target: Path, dataset: bytes) -> Path:
    """Write a file with the file meta information of `path` and other bytes behind it."""
    target.write_bytes(path.read_bytes()[: dataset_offset(path)] + dataset)
    return target
