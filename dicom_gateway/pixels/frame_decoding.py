"""The first frame of a DICOM file as stored values, by the fastest decoder that decodes it correctly.

pydicom decodes uncompressed, deflated and RLE frames, and signed and colour frames by the plugins named here.
imagecodecs (libjpeg-turbo, CharLS, OpenJPEG, OpenJPH) decodes the other frames of the JPEG family, including
JPEG Extended with 12 bits, lossless JPEG and HTJ2K. GDCM is not used, since corrupt fragments crash its
process. Wavelets are decoded at full size: at half size the array differs by more than a model tolerates
(`python -m benchmarks.reduced_decoding`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.pixels.processing import convert_color_space
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from dicom_gateway.pixels.codestream import FrameSize, read_frame_size

Stored = npt.NDArray[Any]
"""(rows, columns), or (rows, columns, 3) in colour; 8- or 16-bit integers, unused high bits included."""

END_OF_IMAGE: Final = b"\xff\xd9"
"""EOI marker (ISO/IEC 10918-1 B.1.1.3), EOC in JPEG 2000 (ISO/IEC 15444-1 A.4.4)."""

DECODING_THREADS: Final = min(4, os.cpu_count() or 1)
"""Threads of OpenJPEG: the same pixels for the same processor time, earlier where a core is free."""

LOSSLESS_JPEG: Final = frozenset({JPEGLossless, JPEGLosslessSV1})

Decoder = Callable[[bytes, Stored | None], Stored]
"""Takes a codestream and a new array for its pixels, or None for one of the codestream's type; returns the
stored values."""


def decode_frame(dataset: Dataset) -> Stored:
    """Decode a dataset's pixels.

    Args:
        dataset: one image, with its file meta information.

    Returns:
        Stored values.

    Raises:
        Exception: of any type, for corrupt bytes.
    """
    syntax = UID(str(dataset.file_meta.TransferSyntaxUID))
    if not syntax.is_encapsulated:
        return _decode_by_pydicom(dataset)
    frame = _join_fragments(dataset.PixelData)
    decoder = _DECODERS.get(syntax)
    if decoder is None:
        return _decode_by_pydicom(dataset, frame)
    header_size = FrameSize(int(dataset.Rows), int(dataset.Columns), int(dataset.get("SamplesPerPixel", 1)))
    if read_frame_size(frame) != header_size:
        # A few bytes can announce gigabytes, which some decoders allocate before they read on.
        raise ValueError("the codestream is of another size than the header says")
    if not _is_plain(dataset, syntax):
        if syntax in LOSSLESS_JPEG:
            return _decode_lossless_colour(frame, dataset)
        return _decode_by_pydicom(dataset, frame, _PLUGINS[syntax])
    if dataset.BitsAllocated == 16 and int(dataset.get("BitsStored") or 16) <= 8:
        # A codestream has samples of Bits Stored (PS3.5 8.2): bytes, that decoders do not write as words.
        return decoder(frame, None).astype(np.uint16)
    whole = np.empty((header_size.rows, header_size.columns), f"u{dataset.BitsAllocated // 8}")
    return decoder(frame, whole)


def _decode_by_pydicom(dataset: Dataset, frame: bytes | None = None, plugin: str = "") -> Stored:
    if frame is not None:
        dataset.PixelData = encapsulate([frame], has_bot=False)
    # Unused bits stay: pydicom masks them by Bits Stored alone, not by High Bit.
    return pixel_array(dataset, correct_unused_bits=False, decoding_plugin=plugin)


def _decode_lossless_colour(frame: bytes, dataset: Dataset) -> Stored:
    """Decode lossless JPEG in colour, such as a screen capture: red, green and blue of 8 bits.

    Raises:
        ValueError: for other samples, or a codestream that is cut short.
    """
    _check_end(frame)
    # The same space for both: libjpeg then converts nothing, whatever an Adobe marker says (PS3.5 8.2.1).
    stored = np.asarray(imagecodecs.jpeg8_decode(frame, colorspace="rgb", outcolorspace="rgb"))
    if stored.dtype != np.uint8 or stored.shape[2:] != (3,):
        raise ValueError(f"colour of shape {stored.shape} and type {stored.dtype}")
    if str(dataset.PhotometricInterpretation) == "RGB":
        return stored
    return convert_color_space(stored, "YBR_FULL", "RGB")


def _join_fragments(pixel_data: bytes) -> bytes:
    """Return the codestream of the only frame: its fragments, whatever the Basic Offset Table says.

    Some senders list each fragment as a frame (PS3.5 A.4), and name no Number of Frames.

    Raises:
        ValueError: for pixels without a fragment.
    """
    _offset_table, *fragments = generate_fragments(pixel_data)
    if not fragments:
        raise ValueError("no fragment")
    return b"".join(fragments)


def _is_plain(dataset: Dataset, syntax: UID) -> bool:
    # Lossless JPEG has no signed samples: its decoder returns the stored bits.
    return (
        dataset.get("SamplesPerPixel", 1) == 1
        and (dataset.get("PixelRepresentation", 0) == 0 or syntax in LOSSLESS_JPEG)
        and dataset.BitsAllocated in (8, 16)
        and "PixelData" in dataset
    )


def _decode_jpeg(frame: bytes, whole: Stored | None) -> Stored:
    """Decode DCT and lossless processes, up to 16 bits (PS3.5 A.4.1, A.4.2).

    Raises:
        ValueError: when the codestream is cut short; libjpeg would fill the rest with grey.
    """
    _check_end(frame)
    return np.asarray(imagecodecs.jpeg8_decode(frame, out=whole))


def _decode_jpegls(frame: bytes, whole: Stored | None) -> Stored:
    """Decode JPEG-LS (PS3.5 A.4.3)."""
    return np.asarray(imagecodecs.jpegls_decode(frame, out=whole))


def _decode_jpeg2000(frame: bytes, whole: Stored | None) -> Stored:
    """Decode JPEG 2000 (PS3.5 A.4.4)."""
    return np.asarray(imagecodecs.jpeg2k_decode(frame, numthreads=DECODING_THREADS, out=whole))


def _decode_htj2k(frame: bytes, whole: Stored | None) -> Stored:
    """Decode HTJ2K (PS3.5 A.4.10).

    Raises:
        ValueError: when the codestream is cut short; OpenJPH would accept it.
    """
    _check_end(frame)
    return np.asarray(imagecodecs.htj2k_decode(frame, out=whole))


def _check_end(frame: bytes) -> None:
    if not frame.rstrip(b"\0\xff").endswith(END_OF_IMAGE):
        raise ValueError("the codestream is cut short")


_DECODERS: Final[dict[UID, Decoder]] = {
    JPEGBaseline8Bit: _decode_jpeg,
    JPEGExtended12Bit: _decode_jpeg,
    JPEGLossless: _decode_jpeg,
    JPEGLosslessSV1: _decode_jpeg,
    JPEGLSLossless: _decode_jpegls,
    JPEGLSNearLossless: _decode_jpegls,
    JPEG2000Lossless: _decode_jpeg2000,
    JPEG2000: _decode_jpeg2000,
    HTJ2KLossless: _decode_htj2k,
    HTJ2KLosslessRPCL: _decode_htj2k,
    HTJ2K: _decode_htj2k,
}

_PLUGINS: Final[dict[UID, str]] = {
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pillow",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    HTJ2KLossless: "pylibjpeg",
    HTJ2KLosslessRPCL: "pylibjpeg",
    HTJ2K: "pylibjpeg",
}
"""Plugins of pydicom for signed and colour frames."""
