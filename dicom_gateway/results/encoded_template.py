"""An encoded dataset of which some values are set anew, so that its other elements are encoded only once.

Part 10 files in Explicit VR Little Endian (PS3.10 7.1, PS3.5 A.2) whose sequences have explicit lengths, as
pydicom writes them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from domain.errors import PermanentError

LONG_VRS: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""Value representations with two reserved bytes and a length of four (PS3.5 Table 7.1-1)."""
PREAMBLE: Final = bytes(128) + b"DICM"
META_LENGTH: Final = 0x00020000
ITEM: Final = b"\xfe\xff\x00\xe0"
MOST_SHORT: Final = 0xFFFE
"""Largest length of a value whose length has two bytes."""
UNDEFINED: Final = 0xFFFFFFFF

Values = Mapping[tuple[bytes, str], bytes]
"""Encoded values, padded to an even length, by value representation and name."""


class TemplateError(PermanentError):
    """The bytes are not of the kind that a template is made from, or a value does not fit; permanent."""


@dataclass(frozen=True)
class Element:
    """One element of an encoded dataset."""

    tag: int
    vr: bytes
    value: bytes
    """Empty for a sequence."""
    items: tuple[tuple[Element, ...], ...] = ()

    @property
    def prefix(self) -> bytes:
        """Tag and value representation, with the reserved bytes where there are any."""
        head = struct.pack("<HH", self.tag >> 16, self.tag & 0xFFFF) + self.vr
        return head + bytes(2) if self.vr in LONG_VRS else head


@dataclass(frozen=True)
class _Slot:
    element: Element
    name: tuple[bytes, str]


@dataclass(frozen=True)
class _Sequence:
    element: Element
    items: tuple[_Parts, ...]


_Parts = tuple["bytes | _Slot | _Sequence", ...]


def read_elements(content: bytes, start: int, end: int) -> Iterator[Element]:
    """Yield the elements of a dataset in `content[start:end]`.

    Raises:
        TemplateError: for undefined lengths, or bytes that are not a dataset.
    """
    while start < end:
        group, number, vr = struct.unpack_from("<HH2s", content, start)
        if vr in LONG_VRS:
            (length,) = struct.unpack_from("<I", content, start + 8)
            start += 12
        else:
            (length,) = struct.unpack_from("<H", content, start + 6)
            start += 8
        if length == UNDEFINED or start + length > end:
            raise TemplateError("an element without a length, or cut short")
        tag = group << 16 | number
        if vr == b"SQ":
            yield Element(tag, vr, b"", tuple(_read_items(content, start, start + length)))
        else:
            yield Element(tag, vr, content[start : start + length])
        start += length


def _read_items(content: bytes, start: int, end: int) -> Iterator[tuple[Element, ...]]:
    while start < end:
        (length,) = struct.unpack_from("<I", content, start + 4)
        if content[start : start + 4] != ITEM or length == UNDEFINED:
            raise TemplateError("an item without a length")
        yield tuple(read_elements(content, start + 8, start + 8 + length))
        start += 8 + length


def split_file(part10: bytes) -> tuple[tuple[Element, ...], tuple[Element, ...]]:
    """Return the elements of the file meta information, without its length, and of the dataset.

    Raises:
        TemplateError: for bytes that are not such a file.
    """
    if not part10.startswith(PREAMBLE):
        raise TemplateError("no preamble of zeros")
    elements = list(read_elements(part10, len(PREAMBLE), len(part10)))
    meta = tuple(element for element in elements if element.tag >> 16 == 2 and element.tag != META_LENGTH)
    return meta, tuple(element for element in elements if element.tag >> 16 != 2)


class EncodedTemplate:
    """A file whose marked values are set by `fill`.

    Args:
        part10: the file.
        markers: the values that it has, each of which is set anew wherever it stands.

    Raises:
        TemplateError: for a file of another kind, a marker that it lacks, or two markers of the same value.
    """

    def __init__(self, part10: bytes, markers: Values) -> None:
        names = {(vr, value): (vr, name) for (vr, name), value in markers.items()}
        if len(names) != len(markers):
            raise TemplateError("two markers have the same value")
        meta, dataset = split_file(part10)
        found: set[tuple[bytes, str]] = set()
        self._meta = _compile(meta, names, found)
        self._dataset = {element.tag: _compile((element,), names, found) for element in dataset}
        if found != set(markers):
            raise TemplateError("the file lacks a marker")

    def fill(self, values: Values, further: Mapping[int, bytes]) -> bytes:
        """Return the file with other values.

        Args:
            values: all that are marked.
            further: encoded elements of the dataset by tag, which come on top of the template's or replace
                them.

        Raises:
            TemplateError: for a value that is too long for its element.
        """
        elements = {tag: _write(parts, values) for tag, parts in self._dataset.items()} | dict(further)
        meta = _write(self._meta, values)
        length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta))
        return b"".join([PREAMBLE, length, meta, *(elements[tag] for tag in sorted(elements))])


def encode_element(element: Element) -> bytes:
    """Return the bytes of an element."""
    return _write(_compile((element,), {}, set()), {})


def _compile(
    elements: tuple[Element, ...],
    names: Mapping[tuple[bytes, bytes], tuple[bytes, str]],
    found: set[tuple[bytes, str]],
) -> _Parts:
    parts: list[bytes | _Slot | _Sequence] = []
    for element in elements:
        part: bytes | _Slot | _Sequence
        name = names.get((element.vr, element.value))
        if element.vr == b"SQ":
            part = _Sequence(element, tuple(_compile(item, names, found) for item in element.items))
            if all(isinstance(piece, bytes) for item in part.items for piece in item):
                part = _write((part,), {})
        elif name is not None:
            found.add(name)
            part = _Slot(element, name)
        else:
            part = _join(element, element.value)
        if parts and isinstance(part, bytes) and isinstance(parts[-1], bytes):
            parts[-1] += part
        else:
            parts.append(part)
    return tuple(parts)


def _write(parts: _Parts, values: Values) -> bytes:
    pieces: list[bytes] = []
    for part in parts:
        if isinstance(part, bytes):
            pieces.append(part)
        elif isinstance(part, _Slot):
            pieces.append(_join(part.element, values[part.name]))
        else:
            items = [_write(item, values) for item in part.items]
            pieces.append(_join(part.element, b"".join(ITEM + _pack(len(item)) + item for item in items)))
    return b"".join(pieces)


def _join(element: Element, value: bytes) -> bytes:
    if element.vr in LONG_VRS:
        return element.prefix + _pack(len(value)) + value
    if len(value) > MOST_SHORT:
        raise TemplateError("a value is too long for its element")
    return element.prefix + struct.pack("<H", len(value)) + value


def _pack(length: int) -> bytes:
    return struct.pack("<I", length)
