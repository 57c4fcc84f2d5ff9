"""The uncompressed grey frame of a DICOM file, mapped into memory instead of read and copied."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Final

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_gateway.pixels.frame_decoding import Stored

DEFERRED_BYTES: Final = 1 << 20
"""Size above which an element stays in the file until it is asked for."""

_SYNTAXES: Final = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian})
_PIXEL_DATA: Final = Tag("PixelData")


def map_frame(path: Path, dataset: Dataset) -> Stored | None:
    """Return the stored values of a film in native little endian (PS3.5 8.1), read-only.

    Args:
        path: a DICOM file that nobody shortens; the process would end by SIGBUS.
        dataset: its dataset, whose pixels are deferred.

    Returns:
        (rows, columns) of 8- or 16-bit integers, unused high bits included; None for films of any other kind,
        and for those that contradict themselves, which `decode_frame` judges.
    """
    pixels = dataset.get_item(_PIXEL_DATA, keep_deferred=True) if _PIXEL_DATA in dataset else None
    if not isinstance(pixels, RawDataElement) or pixels.value is not None or not _is_plain(dataset):
        return None
    rows, columns, width = int(dataset.Rows), int(dataset.Columns), dataset.BitsAllocated // 8
    size = rows * columns * width
    if pixels.length not in (size, size + size % 2):
        return None
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if pixels.value_tell + size > len(content):
        return None
    kind = f"<{'i' if dataset.PixelRepresentation else 'u'}{width}"
    return np.frombuffer(content, kind, rows * columns, pixels.value_tell).reshape(rows, columns)


def _is_plain(dataset: Dataset) -> bool:
    bits = dataset.get("BitsAllocated")
    return (
        dataset.file_meta.get("TransferSyntaxUID") in _SYNTAXES
        and bits in (8, 16)
        and isinstance(dataset.get("BitsStored"), int)
        and 1 <= dataset.BitsStored <= bits
        and dataset.get("PixelRepresentation") in (0, 1)
        and dataset.get("SamplesPerPixel") == 1
        and dataset.get("NumberOfFrames") in (None, 1)
        and dataset.get("PhotometricInterpretation") in ("MONOCHROME1", "MONOCHROME2")
    )
