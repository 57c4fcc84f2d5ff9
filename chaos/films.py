"""The films that are sent: real chest films at 512 pixels, each with noise and UIDs of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

SIZE: Final = 512
BLOCK: Final = 64
"""Rows and columns of each of the two squares that mark a poisoned film."""
WHITE: Final = 30000
"""Upper end of the source's window (centre 15000, width 30000)."""


class Poison(StrEnum):
    """The effect of a film on the process that predicts it."""

    KILLS = "kills"
    HANGS = "hangs"


@dataclass(frozen=True)
class Film:
    """One film to send. The same seed and number are the same bytes."""

    seed: int
    number: int
    poison: Poison | None = None

    @property
    def sop_instance_uid(self) -> str:
        """Its SOP Instance UID."""
        return self._uid("instance")

    def write(self, folder: Path) -> Path:
        """Write it as a Part 10 file and return where."""
        film = _read_source()
        random = np.random.default_rng((self.seed, self.number))
        pixels = _SOURCE_PIXELS[0] + random.integers(0, 600, (SIZE, SIZE), dtype=np.uint16)
        if random.random() < 0.5:
            pixels = pixels[:, ::-1]
        if self.poison is not None:
            pixels = np.ascontiguousarray(pixels)
            left, right = (WHITE, 0) if self.poison is Poison.KILLS else (0, WHITE)
            pixels[:BLOCK, :BLOCK] = left
            pixels[:BLOCK, BLOCK : 2 * BLOCK] = right
        film.PixelData = np.ascontiguousarray(pixels).tobytes()
        film.StudyInstanceUID, film.SeriesInstanceUID = self._uid("study"), self._uid("series")
        film.SOPInstanceUID = self.sop_instance_uid
        film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
        path = folder / f"{self.number:05d}.dcm"
        film.save_as(path)
        return path

    def _uid(self, kind: str) -> str:
        return str(generate_uid(entropy_srcs=["chaos", str(self.seed), str(self.number), kind]))


def find_poison(array: npt.NDArray[np.float32]) -> Poison | None:
    """Return what an array (256, 256), 0..1, was poisoned with when its film was written."""
    block = BLOCK * array.shape[-1] // SIZE
    left, right = array[2 : block - 2, 2 : block - 2], array[2 : block - 2, block + 2 : 2 * block - 2]
    difference = float(left.mean()) - float(right.mean())  # the source is MONOCHROME1: white becomes 0
    if abs(difference) < 0.98:
        return None
    return Poison.KILLS if difference < 0 else Poison.HANGS


_SOURCE_PIXELS: list[npt.NDArray[np.uint16]] = []


def _read_source() -> FileDataset:
    source = get_testdata_file("RG1_UNCR.dcm")
    assert source is not None, "the package pydicom-data is not installed"
    film = dcmread(source)
    if not _SOURCE_PIXELS:
        image = Image.fromarray(film.pixel_array.astype(np.int32)).resize((SIZE, SIZE))
        _SOURCE_PIXELS.append(np.asarray(image).astype(np.uint16))
    film.Rows = film.Columns = SIZE
    return film
