"""Small films, made from nothing but numbers, in every form that a gateway may meet."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSNearLossless,
    RLELossless,
)

Stored = npt.NDArray[Any]

ROWS: Final = 300
COLUMNS: Final = 340
"""Neither is a multiple of 256, so that every golden film is resized with fractional steps."""

FILM_UID: Final = "1.2.826.0.1.3680043.8.498.1"


CODESTREAMS: Final[dict[UID, Callable[[Stored, int], bytes]]] = {
    JPEGExtended12Bit: lambda stored, bits: imagecodecs.jpeg8_encode(stored, level=98, bitspersample=12),
    JPEGLossless: lambda stored, bits: imagecodecs.jpeg8_encode(
        stored, lossless=True, predictor=4, bitspersample=bits
    ),
    JPEGLosslessSV1: lambda stored, bits: imagecodecs.jpeg8_encode(
        stored, lossless=True, predictor=1, bitspersample=bits
    ),
    HTJ2KLossless: lambda stored, bits: imagecodecs.htj2k_encode(stored, reversible=True),
}
"""Encoders that pydicom lacks; each takes stored values and Bits Stored and returns a codestream."""


def draw_shapes(bits: int, *, signed: bool = False) -> Stored:
    """Return a diagonal gradient with a bright disc and a dark bar: `bits` wide, its whole range in use."""
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS]
    most = 2**bits - 1
    picture = (rows * 7 + columns * 3) * most // (ROWS * 7 + COLUMNS * 3)
    picture[(rows - 120) ** 2 + (columns - 200) ** 2 < 60**2] = most - most // 8
    picture[210:230, 40:300] = most // 16
    picture[0, 0], picture[-1, -1] = 0, most
    if signed:
        picture = picture - 2 ** (bits - 1)
    kind = "int" if signed else "uint"
    return np.ascontiguousarray(picture).astype(f"{kind}{8 if bits <= 8 else 16}")


def write_film(
    path: Path, stored: Stored, syntax: UID = ExplicitVRLittleEndian, **attributes: object
) -> Path:
    """Write a chest film, PA, of a patient of 40 years.

    Args:
        path: where to.
        stored: (rows, columns) or (rows, columns, 3); its type gives Bits Allocated, Bits Stored, High Bit
            and Pixel Representation where `attributes` do not.
        syntax: its transfer syntax.
        attributes: by keyword, on top of the defaults; None deletes one.
    """
    dataset = describe_film(stored, **attributes)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID") or "1.2.3"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or "1.2.3"
    encode_pixels(dataset, stored, syntax)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return path


def describe_film(stored: Stored, **attributes: object) -> Dataset:
    """Return the header that `write_film` writes, without pixels."""
    bits = stored.dtype.itemsize * 8
    defaults: dict[str, object] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": ComputedRadiographyImageStorage,
        "SOPInstanceUID": FILM_UID + ".1",
        "StudyInstanceUID": FILM_UID + ".2",
        "SeriesInstanceUID": FILM_UID + ".3",
        "StudyDate": "20240131",
        "Modality": "CR",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientName": "Golden^Film",
        "PatientID": "G1",
        "PatientAge": "040Y",
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "SamplesPerPixel": 3 if stored.ndim == 3 else 1,
        "PhotometricInterpretation": "RGB" if stored.ndim == 3 else "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": int(str(attributes.get("BitsStored") or bits)) - 1,
        "PixelRepresentation": int(stored.dtype.kind == "i"),
    }
    if stored.ndim == 3:
        defaults["PlanarConfiguration"] = 0
    dataset = Dataset()
    for keyword, value in (defaults | attributes).items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def make_lut(keyword: str, first: int, bits: int, entries: list[int]) -> dict[str, list[Dataset]]:
    """Return a lookup table sequence (PS3.3 C.11.1, C.11.2) as an attribute for `write_film`."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "US", entries)
    return {keyword: [item]}


def encode_pixels(dataset: Dataset, stored: Stored, syntax: UID) -> None:
    """Give the dataset its Pixel Data, in the form that the transfer syntax wants."""
    if syntax == JPEGBaseline8Bit:
        buffer = io.BytesIO()
        Image.fromarray(stored).save(buffer, "JPEG", quality=95)
        dataset.PixelData = encapsulate([buffer.getvalue()])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        return
    encode = CODESTREAMS.get(syntax)
    if encode is not None:
        dataset.PixelData = encapsulate([encode(stored, int(dataset.BitsStored))])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        return
    if not syntax.is_encapsulated:
        little = stored if syntax.is_little_endian else stored.byteswap()
        content = little.tobytes()
        dataset.add_new(
            "PixelData", "OW" if stored.dtype.itemsize == 2 else "OB", content + b"\0" * (len(content) % 2)
        )
        return
    dataset.add_new("PixelData", "OW" if stored.dtype.itemsize == 2 else "OB", stored.tobytes())
    options: dict[str, Any] = {}
    if syntax == JPEG2000:
        options["j2k_cr"] = [8]
    elif syntax == JPEGLSNearLossless:
        options["jls_error"] = 1
    elif syntax == RLELossless:
        options["encoding_plugin"] = "pydicom"  # that of GDCM crashes on 8 bits stored of 16
    dataset.compress(syntax, generate_instance_uid=False, **options)
