"""Mutations of the bytes of a dataset. Randomness is passed in, so that a seed repeats a run."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from tests.fuzzing.sources import Element, Source

SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEG2000Lossless,
    RLELossless,
]

IMAGE_TAGS = [
    0x00280002, 0x00280006, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102,
    0x00280103, 0x00280106, 0x00280107, 0x00280120,
]  # fmt: skip
"""Image Pixel module (PS3.3 C.7.6.3): samples, planes, frames, rows, columns, bits, sign, padding."""

TEXTS = [
    b"NaN", b"inf", b"-inf", b"1e999", b"-1", b"0", b"1\\2\\3", b"\\\\\\", b"", b" ", b"\x00" * 8,
    b"\xff\xfe", b"../../../etc/passwd", b"<script>alert(1)</script>", b"'; DROP TABLE studies; --",
    b"\x1b$)C\xc8\xab", b"ISO 2022 IR 149", b"{{7*7}}", b"%n%n%s",
    b"A" * 10_000, b"9" * 500, b"20261345", b"999Y", b"1.2.3.",
]  # fmt: skip

NUMBERS = [0, 1, 2, 3, 7, 8, 9, 12, 15, 16, 17, 31, 32, 64, 255, 256, 4096, 32767, 32768, 65534, 65535]

LENGTHS = [0, 1, 3, 0xFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]


SHARE_OF_CHEST_FILMS = 0.25
"""Share of mutants of a film that is screened, so that many mutants come to a report."""


@dataclass(frozen=True)
class Mutant:
    """A dataset to be sent."""

    mutation: str
    source: Source
    sop_instance_uid: str
    transfer_syntax_uid: str
    dataset: bytes


Change = Callable[[random.Random, Source, bytearray], bytes]


def make_mutant(seed: int, number: int, sources: list[Source]) -> Mutant:
    """Return the mutant of a number: the same for the same seed and sources."""
    dice = random.Random(f"{seed}/{number}")
    films = [source for source in sources if source.is_chest_film]
    source = dice.choice(films if dice.random() < SHARE_OF_CHEST_FILMS else sources)
    if source.transfer_syntax_uid == DeflatedExplicitVRLittleEndian and dice.random() < 0.5:
        inflated = zlib.decompress(source.dataset, -zlib.MAX_WBITS)
        source = replace(source, dataset=inflated, transfer_syntax_uid=str(ExplicitVRLittleEndian))
    uid = _make_uid(source.sop_instance_uid, dice)
    dataset = bytearray(source.dataset.replace(source.sop_instance_uid.encode(), uid.encode()))
    name = dice.choice([name for name in MUTATIONS if source.elements or name in WITHOUT_ELEMENTS])
    content = MUTATIONS[name](dice, source, dataset)
    syntax = source.transfer_syntax_uid
    if name == "transfer syntax":
        syntax = str(dice.choice(SYNTAXES))
    return Mutant(name, source, uid, syntax, content)


def _make_uid(old: str, dice: random.Random) -> str:
    """Return another UID of the same length, so that every offset stays where it is."""
    digits = "".join(dice.choice("123456789") for _ in range(max(1, len(old) - 2)))
    return f"1.{digits}"[: len(old)]


def _leave(_dice: random.Random, _source: Source, dataset: bytearray) -> bytes:
    return bytes(dataset)


def _flip(dice: random.Random, start: int, end: int, dataset: bytearray) -> bytes:
    for _ in range(dice.choice([1, 1, 2, 5, 20, 200])):
        if end > start:
            dataset[dice.randrange(start, end)] ^= 1 << dice.randrange(8)
    return bytes(dataset)


def _flip_header(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    return _flip(dice, 0, min(source.pixels, len(dataset)), dataset)


def _flip_pixels(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    start = min(source.pixels, len(dataset) - 1)
    near = min(len(dataset), start + 600)  # a codestream's own header
    return _flip(dice, start, near if dice.random() < 0.5 else len(dataset), dataset)


def _cut(dice: random.Random, _source: Source, dataset: bytearray) -> bytes:
    return bytes(dataset[: dice.randrange(len(dataset))])


def _change_length(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    for element in dice.sample(source.elements, min(len(source.elements), dice.choice([1, 1, 3]))):
        at, width = element.length_field
        length = dice.choice([*LENGTHS, dice.randrange(1 << 32), element.end - element.value + 1])
        dataset[at : at + width] = (length & ((1 << (8 * width)) - 1)).to_bytes(width, "little")
    return bytes(dataset)


def _drop(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    chosen = dice.sample(source.elements, min(len(source.elements), dice.choice([1, 2, 5])))
    for element in sorted(chosen, key=lambda part: -part.start):
        del dataset[element.start : element.end]
    return bytes(dataset)


def _repeat(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    element = dice.choice(source.elements)
    dataset[element.end : element.end] = dataset[element.start : element.end] * dice.choice([1, 2, 50])
    return bytes(dataset)


def _swap(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    first, second = sorted(dice.choices(source.elements, k=2), key=lambda choice: choice.start)
    this, other = dataset[first.start : first.end], dataset[second.start : second.end]
    between = dataset[first.end : second.start]
    return bytes(dataset[: first.start] + other + between + this + dataset[second.end :])


def _write_value(dataset: bytearray, element: Element, value: bytes) -> None:
    at, width = element.length_field
    value = value[: (1 << (8 * width)) - 2]
    dataset[element.value : element.end] = value
    dataset[at : at + width] = len(value).to_bytes(width, "little")


def _change_text(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    element = dice.choice([part for part in source.elements if part.tag != 0x7FE00010] or source.elements)
    _write_value(dataset, element, dice.choice([*TEXTS, dice.randbytes(dice.randrange(64))]))
    return bytes(dataset)


def _change_number(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    chosen = [part for part in source.elements if part.tag in IMAGE_TAGS]
    for element in dice.sample(chosen, min(len(chosen), dice.choice([1, 1, 2, 4]))):
        if element.end - element.value == 2:
            struct.pack_into("<H", dataset, element.value, dice.choice(NUMBERS))
    return bytes(dataset)


def _change_representation(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    for element in dice.sample(source.elements, min(len(source.elements), dice.choice([1, 3]))):
        if element.explicit:
            vr = dice.choice([b"SQ", b"UN", b"OW", b"US", b"DS", b"IS", b"PN", b"FD", b"AT", b"UT", b"ZZ"])
            dataset[element.start + 4 : element.start + 6] = vr
    return bytes(dataset)


def _insert_sequence(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    """Put nested sequences of undefined length, open or closed, before an element of the header."""
    depth = dice.choice([1, 5, 60, 500, 5000])
    at = dice.choice(source.elements).start
    if source.elements[0].explicit:
        sequence = struct.pack("<HH2sHI", 0x0009, 0x1001, b"SQ", 0, 0xFFFFFFFF)
    else:
        sequence = struct.pack("<HHI", 0x0008, 0x1115, 0xFFFFFFFF)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    ends = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    closed = dice.randrange(depth + 1) if dice.random() < 0.3 else depth
    dataset[at:at] = (sequence + item) * depth + ends * closed
    return bytes(dataset)


def _splice(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    """Move a piece of the dataset, or put noise into it."""
    start = dice.randrange(len(dataset))
    piece = dataset[start : start + dice.choice([1, 7, 100, 5000])]
    if dice.random() < 0.5:
        piece = bytearray(dice.randbytes(len(piece)))
    at = dice.randrange(len(dataset) if dice.random() < 0.5 else min(source.pixels, len(dataset)) or 1)
    dataset[at : at + dice.choice([0, len(piece)])] = piece
    return bytes(dataset)


def _enlarge(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    """Announce gigantic dimensions: in the header, and where a codestream names its own (a bomb)."""
    size = dice.choice([20_000, 32_768, 60_000, 65_535])
    for element in source.elements:
        if element.tag in {0x00280010, 0x00280011} and dice.random() < 0.8:
            struct.pack_into("<H", dataset, element.value, size)
    for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc3", b"\xff\xf7"):  # SOF of JPEG and JPEG-LS
        at = dataset.find(marker, source.pixels)
        if 0 <= at < len(dataset) - 9 and dice.random() < 0.8:
            struct.pack_into(">HH", dataset, at + 5, size, size)
    at = dataset.find(b"\xff\x51", source.pixels)  # SIZ of JPEG 2000
    if 0 <= at < len(dataset) - 14 and dice.random() < 0.8:
        struct.pack_into(">II", dataset, at + 6, *[size if dice.random() < 0.7 else 0x7FFFFFFF] * 2)
    return bytes(dataset)


def _break_fragments(dice: random.Random, source: Source, dataset: bytearray) -> bytes:
    """Change items of encapsulated pixel data (PS3.5 A.4), or its offset table."""
    item, at, found = b"\xfe\xff\x00\xe0", source.pixels, []
    while (at := dataset.find(item, at)) >= 0 and len(found) < 50:
        found.append(at)
        at += 4
    if not found:
        return _flip_pixels(dice, source, dataset)
    at = dice.choice(found)
    kind = dice.randrange(4)
    if kind == 0:
        dataset[at + 4 : at + 8] = struct.pack("<I", dice.choice(LENGTHS))
    elif kind == 1:
        dataset[at:at] = (item + b"\x00" * 4) * dice.choice([1, 1000, 100_000])
    elif kind == 2:
        del dataset[at:]
    else:
        dataset[at:at] = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return bytes(dataset)


MUTATIONS: dict[str, Change] = {
    "none": _leave,
    "bits of the header": _flip_header,
    "bits of the pixels": _flip_pixels,
    "cut": _cut,
    "length": _change_length,
    "element missing": _drop,
    "element repeated": _repeat,
    "elements swapped": _swap,
    "text": _change_text,
    "number": _change_number,
    "value representation": _change_representation,
    "nested sequences": _insert_sequence,
    "splice": _splice,
    "gigantic dimensions": _enlarge,
    "fragments": _break_fragments,
    "transfer syntax": _leave,
}
"""By name, as the table shows them."""

WITHOUT_ELEMENTS = frozenset(
    {"none", "bits of the header", "bits of the pixels", "cut", "splice", "transfer syntax"}
)
"""Those that need not know where elements lie."""
