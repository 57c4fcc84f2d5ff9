"""Recognition of tbscreen's own objects, routed back by a PACS: by the content that was sent.

Names prove nothing: a film may come with tbscreen as its manufacturer, or under the UID of a report. A PACS
may change patient, study and UIDs of an object, and its encoding; it leaves document and pixels as they are.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import UID

from dicom_gateway.dataset_header import read_text

OWN_MANUFACTURER: Final = "tbscreen"
"""Manufacturer (0008,0070) of every object that tbscreen makes."""

LARGEST_BYTES: Final = 64 * 1024 * 1024
"""Size above which no file is an object of ours."""


def names_tbscreen(header: Dataset) -> bool:
    """True for an object whose Manufacturer is tbscreen: a claim, see `digest_file`."""
    return is_own_name(read_text(header, "Manufacturer", 64) or "")


def is_own_name(manufacturer: str) -> bool:
    """True for tbscreen's name as a manufacturer."""
    return manufacturer.strip().lower() == OWN_MANUFACTURER


def digest_sent(objects: Iterable[bytes]) -> frozenset[str]:
    """Return the digests of objects that were sent, in each encoding in which they may have been sent.

    Args:
        objects: DICOM Part 10 bytes that tbscreen made.
    """
    digests = set()
    for part10 in objects:
        dataset = dcmread(io.BytesIO(part10))
        digests.add(_digest(dataset))
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            dataset.decompress(generate_instance_uid=False)
            digests.add(_digest(dataset))
    return frozenset(digests)


def digest_file(path: Path) -> str | None:
    """Return the digest of a received file; None for a file that cannot be an object of ours.

    Raises:
        Exception: of any type, for malformed bytes.
    """
    if path.stat().st_size > LARGEST_BYTES:
        return None
    return _digest(dcmread(path))


def _digest(dataset: Dataset) -> str:
    """Return the SHA-256 of an image's first frame as it is encoded, or of the content as text.

    The content of a presentation state is its annotations, without the UIDs of the film.
    """
    if "PixelData" in dataset:  # before the content: an image is recognized by its pixels alone
        return sha256(b"pixels" + _read_frame(dataset)).hexdigest()
    if "GraphicAnnotationSequence" in dataset:
        drawn = [
            item.to_json_dict()
            for annotation in dataset.GraphicAnnotationSequence
            for keyword in ("GraphicObjectSequence", "TextObjectSequence")
            for item in annotation.get(keyword) or []
        ]
        return sha256(b"annotations" + json.dumps(drawn, sort_keys=True).encode()).hexdigest()
    content = [item.to_json_dict() for item in dataset.get("ContentSequence") or []]
    return sha256(b"content" + json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read_frame(dataset: Dataset) -> bytes:
    if UID(str(dataset.file_meta.TransferSyntaxUID)).is_compressed:
        return next(generate_frames(dataset.PixelData, number_of_frames=1)).rstrip(b"\0")
    length = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel)
    pixels: bytes = dataset.PixelData
    return pixels[: length * (int(dataset.BitsAllocated) // 8)]
