"""The transforms from a film's stored values to what people see, as a presentation state carries them.

They are written down when the film is prepared: later the file may be gone, the header in the database is
without long lookup tables, and the range of values is that of the pixels.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator
from pydicom.dataset import Dataset

from dicom_gateway.dataset_header import read_text

FloatArray = npt.NDArray[np.float64]

MAX_TABLE_BYTES: Final = 2 * 2**16
"""Bytes of the longest lookup table (PS3.3 C.11.1.1.1)."""


@dataclass(frozen=True)
class Window:
    """A window (PS3.3 C.11.2.1.2), applied to values after the modality transform."""

    center: float
    width: float
    function: Literal["LINEAR", "SIGMOID"] = "LINEAR"

    @classmethod
    def of_range(cls, low: float, high: float) -> Window:
        """Return the linear window that shows `low` as black and `high` as white."""
        return cls((low + high + 1.0) / 2.0, high - low + 1.0)


class LookupTable(BaseModel):
    """A lookup table (PS3.3 C.11.1.1, C.11.2.1.1)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    first: int = Field(ge=-(2**15), lt=2**16)
    """First value that is mapped."""
    bits: int = Field(ge=8, le=16)
    """Bits of an entry."""
    packed: Annotated[str, Field(max_length=4 * MAX_TABLE_BYTES // 3 + 1024)]
    """Entries as little-endian uint16, compressed by zlib, in Base64."""

    @model_validator(mode="after")
    def _check(self) -> LookupTable:
        try:
            self.unpack()
        except zlib.error:
            raise ValueError("a lookup table that is not compressed as it is written here") from None
        return self

    @classmethod
    def of(cls, first: int, bits: int, entries: FloatArray) -> LookupTable:
        """Return a table of 1 to 65,536 entries."""
        content = np.asarray(entries).astype("<u2").tobytes()
        return cls(first=first, bits=bits, packed=base64.b64encode(zlib.compress(content)).decode())

    def unpack(self) -> bytes:
        """Return the entries as little-endian uint16; raises `ValueError` for what `of` does not write."""
        content = zlib.decompressobj().decompress(
            base64.b64decode(self.packed, validate=True), MAX_TABLE_BYTES
        )
        if not content or len(content) % 2:
            raise ValueError("a lookup table without entries, or with half of one")
        return content


class GreyTransforms(BaseModel):
    """Modality transform, VOI transform and inversion of one film (PS3.4 N.2)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    slope: FiniteFloat = 1.0
    """Rescale Slope (0028,1053)."""
    intercept: FiniteFloat = 0.0
    """Rescale Intercept (0028,1052)."""
    modality_table: LookupTable | None = None
    """Modality LUT, in place of the rescale values."""
    center: FiniteFloat | None = None
    """Window Center (0028,1050): of the film's first window, else of the range of its values."""
    width: FiniteFloat | None = None
    """Window Width (0028,1051)."""
    function: Literal["LINEAR", "SIGMOID"] = "LINEAR"
    voi_table: LookupTable | None = None
    """The film's first VOI LUT, in place of the window."""
    inverse: bool = False
    """True for MONOCHROME1 and Presentation LUT Shape INVERSE."""


def describe_transforms(header: Dataset, window: Window | None) -> GreyTransforms | None:
    """Return the transforms of a film.

    Args:
        header: the dataset, with its lookup tables.
        window: the window that is used where there is no VOI LUT.

    Returns:
        None for a film that can be shown and whose lookup table breaks a rule.
    """
    modality, voi = header.get("ModalityLUTSequence"), header.get("VOILUTSequence")
    slope, intercept = read_number(header, "RescaleSlope"), read_number(header, "RescaleIntercept")
    if modality or slope is None or intercept is None:
        slope, intercept = 1.0, 0.0
    shown = None if voi else window
    try:
        return GreyTransforms(
            slope=slope,
            intercept=intercept,
            modality_table=LookupTable.of(*read_table(modality[0], header)) if modality else None,
            center=None if shown is None else shown.center,
            width=None if shown is None else shown.width,
            function="LINEAR" if shown is None else shown.function,
            voi_table=_widen(*read_table(voi[0], header)) if voi else None,
            inverse=is_inverted(header),
        )
    except (ValueError, TypeError, AttributeError, IndexError, KeyError):
        return None


def _widen(first: int, bits: int, entries: FloatArray) -> LookupTable:
    """Return a VOI LUT with entries of 16 bits: presentation states have 8 or 16 (PS3.3 C.11.8)."""
    return LookupTable.of(first, 16, np.clip(np.rint(entries * (65535 / (2**bits - 1))), 0, 65535))


def find_window(header: Dataset) -> Window | None:
    """Return the first window (PS3.3 C.11.2.1.2), or None if there is no usable one.

    LINEAR_EXACT is returned as the linear window that is the same line.
    """
    try:
        center, width = read_number(header, "WindowCenter"), read_number(header, "WindowWidth")
    except (TypeError, ValueError):
        return None
    if center is None or width is None or not np.isfinite([center, width]).all():
        return None
    function = read_text(header, "VOILUTFunction", 16) or "LINEAR"
    if function == "SIGMOID" and width > 0:
        return Window(center, width, "SIGMOID")
    if function == "LINEAR_EXACT" and width > 0:
        return Window(center + 0.5, width + 1.0)
    return Window(center, width) if width > 1 else None


def is_inverted(header: Dataset) -> bool:
    """Return True for a film whose highest values are shown black."""
    photometric = read_text(header, "PhotometricInterpretation", 16)
    return photometric == "MONOCHROME1" or read_text(header, "PresentationLUTShape", 16) == "INVERSE"


def read_number(header: Dataset, keyword: str) -> float | None:
    """Return the first value of an element, or None if it is absent or empty."""
    value = header.get(keyword)
    if value is None or value == "":
        return None
    if hasattr(value, "append"):
        return float(value[0]) if len(value) else None
    return float(value)


def read_table(item: Any, header: Dataset) -> tuple[int, int, FloatArray]:
    """Return first mapped value, bits and entries of a lookup table.

    Entries of 8 bits are bytes, two in a word; some films have them as words (PS3.3 C.11.2.1.1).

    Raises:
        ValueError: when it has not the bits that it may have, or fewer entries than it states.
    """
    entries, first, bits = (int(number) for number in item.LUTDescriptor)
    if bits != 8 and not 10 <= bits <= 16:
        raise ValueError(f"a lookup table of {bits} bits")
    entries = entries or 2**16
    content = item.LUTData
    if isinstance(content, bytes):
        content = np.frombuffer(content, "<u2" if header.original_encoding[1] else ">u2")
    words = np.atleast_1d(np.asarray(content, dtype=np.float64))
    is_packed = bits == 8 and words.size == (entries + 1) // 2 < entries
    table = words.astype("<u2").view(np.uint8).astype(np.float64) if is_packed else words
    if table.size < entries:
        raise ValueError(f"a lookup table of {table.size} entries that says it has {entries}")
    return first, bits, table[:entries]
