"""DICOM to display values: decoding, lookup tables, window, inversion.

A display value depends on its stored value alone, so it is computed once for each possible stored value and
applied as a table. The order is that of PS3.4 N.2: modality LUT or rescale, VOI LUT or window, presentation
(MONOCHROME1 inverts last).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut

from dicom_gateway.dataset_header import read_dataset, read_text
from dicom_gateway.pixels.frame_decoding import decode_frame
from dicom_gateway.pixels.grey_transforms import (
    Window,
    describe_transforms,
    find_window,
    is_inverted,
    read_number,
    read_table,
)
from dicom_gateway.pixels.mapped_frame import DEFERRED_BYTES, map_frame
from dicom_gateway.pixels.rendering import Display, NotAnXrayError, Rendering
from domain.errors import PermanentError

MAX_PIXELS: Final = 100_000_000
"""Most pixels of a film; a header with more counts as corrupt."""

GREY_TOLERANCE: Final = 8.0
"""Mean difference of the channels (of 255) below which a colour picture counts as grey."""

MODALITY_BITS: Final = (8, 16)
"""Bits of an entry of a modality LUT (PS3.3 C.11.1.1.1)."""

NOT_FINITE: Final = "window and rescale values give grey values that are not finite numbers"

FloatArray = npt.NDArray[np.float64]


class UndecodableError(PermanentError):
    """The pixels are cut short, corrupt, or of a kind that the standard does not define."""


def read_display(path: Path) -> Display:
    """Decode the film in a DICOM file and return it as it should be displayed.

    Args:
        path: a DICOM file, with or without preamble, in a transfer syntax of
            `presentation_contexts.DECODABLE`.

    Returns:
        float32 (rows, columns) in 0..1; bones are white for every photometric interpretation.

    Raises:
        UndecodableError: when the pixels cannot be decoded.
        NotAnXrayError: when the pixels are in colour, or all have one value.
    """
    return read_rendering(path).whole()


def read_rendering(path: Path) -> Rendering:
    """Decode the film in a DICOM file and return it with the conversion to display values.

    Args:
        path: a DICOM file, as for `read_display`.

    Returns:
        The display values of `read_display`, strip by strip.

    Raises:
        UndecodableError: when the pixels cannot be decoded.
        NotAnXrayError: when the pixels are in colour, or all have one value.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote the header
            return _decode(path)
    except PermanentError:
        raise
    except Exception as error:
        # Decoders raise many types for corrupt bytes; their texts may quote the header.
        raise UndecodableError(f"the pixels cannot be decoded ({type(error).__name__})") from error


def _decode(path: Path) -> Rendering:
    dataset = read_dataset(path, deferred_bytes=DEFERRED_BYTES)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if rows < 1 or columns < 1 or rows * columns > MAX_PIXELS:
        raise UndecodableError(f"{rows} rows by {columns} columns")
    if read_text(dataset, "PhotometricInterpretation", 16) == "PALETTE COLOR":
        raise NotAnXrayError("a picture in palette colours")
    stored = map_frame(path, dataset)
    if stored is None:
        stored = decode_frame(dataset)
    if stored.ndim == 3 and stored.shape[-1] == 3:
        return _display_colour(stored)
    if stored.ndim != 2 or stored.dtype.itemsize > 2 or stored.dtype.kind not in "ui":
        raise UndecodableError(f"pixels of shape {stored.shape} and type {stored.dtype}")
    return render(stored, dataset)


def render(stored: npt.NDArray[Any], header: Dataset) -> Rendering:
    """Return the conversion of stored values to display values.

    Args:
        stored: (rows, columns) of 8- or 16-bit integers as decoded, unused high bits included.
        header: the dataset, for bit depth, lookup tables, window and photometric interpretation.

    Raises:
        NotAnXrayError: when all pixels except padding have one value.
        UndecodableError: when the header's lookup tables are inconsistent, or a grey value is not a finite
            number.
    """
    native = np.ascontiguousarray(stored, dtype=stored.dtype.newbyteorder("="))
    codes = native.view(np.uint8 if stored.dtype.itemsize == 1 else np.uint16)
    return _render_line(codes, header) or _render_table(codes, header)


def _render_line(codes: npt.NDArray[Any], header: Dataset) -> Rendering | None:
    """Render a film whose display values are a clipped linear function of its stored values, as most are.

    Arithmetic is four times as fast as a table.

    Returns:
        None for a film with lookup tables, a sigmoid, padding or stray bits.
    """
    if header.get("ModalityLUTSequence") or header.get("VOILUTSequence") or "PixelPaddingValue" in header:
        return None
    if read_text(header, "VOILUTFunction", 16) == "SIGMOID":
        return None
    signed = header.get("PixelRepresentation") == 1
    values = codes.view(codes.dtype.str.replace("u", "i")) if signed else codes
    low, high = int(values.min()), int(values.max())
    domain = _list_stored_values(header, codes.dtype.itemsize * 8)
    stray = [code for code in (low, high) if domain[code] != code]  # a negative code counts from the end
    if stray or low == high:
        return None
    ends = _apply_modality(np.array([low, high], dtype=np.int64), header)
    shades = (float(ends.min()), float(ends.max()))
    window = find_window(header)
    first, last = (_apply_window(window) if window else _apply_range(*shades))(ends)
    if is_inverted(header):
        first, last = 1.0 - first, 1.0 - last
    if first == last:
        return None
    steepness = (last - first) / (high - low)
    with np.errstate(over="ignore"):
        slope, offset = np.float32(steepness), np.float32(low - first / steepness)
    if not np.isfinite([slope, offset]).all():
        raise UndecodableError(NOT_FINITE)

    def show(part: npt.NDArray[Any]) -> Display:
        display: Display = part.astype(np.float32)
        display -= offset
        display *= slope
        return np.clip(display, 0.0, 1.0, out=display)

    transforms = describe_transforms(header, window or Window.of_range(*shades))
    return Rendering(values, show, _find_mask(header, codes.dtype.itemsize * 8), transforms)


def _render_table(codes: npt.NDArray[Any], header: Dataset) -> Rendering:
    """Render any film by a table of the display values of all bit patterns."""
    domain = _list_stored_values(header, codes.dtype.itemsize * 8)
    padding = _find_padding(domain, header)
    try:
        modality = _apply_modality(domain, header)
        table = (
            _apply_voi_lut(modality, header) if "VOILUTSequence" in header and header.VOILUTSequence else None
        )
    except (ValueError, NotImplementedError, AttributeError, IndexError, KeyError) as error:
        raise UndecodableError(f"a lookup table cannot be applied ({type(error).__name__})") from error
    window = find_window(header)
    if table is None and window is not None:
        table = _apply_window(window)(modality)
    elif table is None:
        shades = _find_range(modality, codes, padding)
        table, window = _apply_range(*shades)(modality), Window.of_range(*shades)
    if is_inverted(header):
        table = 1.0 - table
    table = np.clip(table, 0.0, 1.0)
    table[padding] = 0.0
    if not np.isfinite(table).all():
        raise UndecodableError(NOT_FINITE)
    shown = table.astype(np.float32)
    transforms = describe_transforms(header, window)
    return Rendering(
        codes, lambda part: shown[part], _find_mask(header, codes.dtype.itemsize * 8), transforms
    )


def _list_stored_values(header: Dataset, bits_allocated: int) -> npt.NDArray[np.int64]:
    """Return the stored value of every bit pattern (PS3.5 8.1.1): shifted, masked, sign extended."""
    bits_stored = int(header.get("BitsStored") or bits_allocated)
    stated = header.get("HighBit")
    high_bit = bits_stored - 1 if stated is None else int(stated)
    if not 1 <= bits_stored <= bits_allocated or not bits_stored - 1 <= high_bit < bits_allocated:
        raise UndecodableError(
            f"{bits_stored} bits stored, high bit {high_bit}, of {bits_allocated} allocated"
        )
    values = np.arange(2**bits_allocated, dtype=np.int64) >> (high_bit - bits_stored + 1)
    values &= 2**bits_stored - 1
    if header.get("PixelRepresentation") == 1:
        values[values >= 2 ** (bits_stored - 1)] -= 2**bits_stored
    return values


def _find_mask(header: Dataset, bits_allocated: int) -> int:
    """Return the bits that hold the stored value (PS3.5 8.1.1)."""
    bits_stored = int(header.get("BitsStored") or bits_allocated)
    stated = header.get("HighBit")
    high_bit = bits_stored - 1 if stated is None else int(stated)
    return ((1 << bits_stored) - 1) << (high_bit - bits_stored + 1)


def _apply_modality(domain: npt.NDArray[np.int64], header: Dataset) -> FloatArray:
    """Apply the modality LUT, else the rescale values (PS3.3 C.11.1); empty values count as missing."""
    if header.get("ModalityLUTSequence"):
        first, bits, table = read_table(header.ModalityLUTSequence[0], header)
        if bits not in MODALITY_BITS:
            raise ValueError(f"a modality lookup table of {bits} bits")
        return _look_up(domain, first, table)
    if None in (read_number(header, "RescaleSlope"), read_number(header, "RescaleIntercept")):
        return domain.astype(np.float64)
    modality = np.asarray(apply_modality_lut(domain, header), dtype=np.float64)
    if not np.isfinite(modality).all():
        raise UndecodableError("the rescale values are not finite numbers")
    return modality


def _find_padding(domain: npt.NDArray[np.int64], header: Dataset) -> npt.NDArray[np.bool_]:
    """Return a mask of the stored values that are padding (PS3.3 C.7.5.1.1.2)."""
    value = header.get("PixelPaddingValue")
    if not isinstance(value, int):
        return np.zeros(domain.shape, dtype=np.bool_)
    limit = header.get("PixelPaddingRangeLimit")
    ends = (value, limit if isinstance(limit, int) else value)
    return (domain >= min(ends)) & (domain <= max(ends))


def _apply_voi_lut(modality: FloatArray, header: Dataset) -> FloatArray:
    """Apply the first VOI LUT (PS3.3 C.11.2.1.1) and scale by its number of bits.

    pydicom's `apply_voi` is wrong for a table of 8 bits with more than 256 entries.
    """
    first, bits, table = read_table(header.VOILUTSequence[0], header)
    return _look_up(modality, first, table) / np.float64(2**bits - 1)


def _look_up(values: npt.NDArray[Any], first: int, table: FloatArray) -> FloatArray:
    index = np.clip(values - first, 0, table.size - 1).astype(np.int64)
    looked_up: FloatArray = table[index]
    return looked_up


def _apply_window(window: Window) -> Callable[[FloatArray], FloatArray]:
    """Return the function of a window (PS3.3 C.11.2.1.2)."""
    center, width = window.center, window.width
    if window.function == "SIGMOID":
        return lambda x: np.asarray(1.0 / (1.0 + np.exp(np.clip(-4.0 * (x - center) / width, -700, 700))))
    return lambda x: (x - (center - 0.5)) / (width - 1.0) + 0.5


def _find_range(
    modality: FloatArray, codes: npt.NDArray[Any], padding: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Return the lowest and the highest of a film's values, padding excluded."""
    used = np.bincount(codes.ravel(), minlength=modality.size) > 0
    present = modality[used & ~padding]
    if present.size == 0:
        raise NotAnXrayError("all pixels have one value")
    return float(present.min()), float(present.max())


def _apply_range(low: float, high: float) -> Callable[[FloatArray], FloatArray]:
    if low == high:
        raise NotAnXrayError("all pixels have one value")
    return lambda x: (x - low) / (high - low)


def _display_colour(stored: npt.NDArray[Any]) -> Rendering:
    """Render a colour picture with grey content, such as a screen capture of a film."""
    channels = stored.astype(np.float32)
    spread = float((channels.max(axis=-1) - channels.min(axis=-1)).mean())
    if stored.dtype != np.uint8 or spread > GREY_TOLERANCE:
        raise NotAnXrayError("a colour picture")
    display: Display = channels.mean(axis=-1, dtype=np.float32) / np.float32(255)
    return Rendering(display, np.copy)
