"""Segments of HL7 2.5.1 from values that may hold any character.

python-hl7 holds segments, fields, repetitions, components and subcomponents and writes their separators.
Every value is escaped here (HL7 2.5.1, 2.7), and no text of a message is put together elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

import hl7

CHARACTER_SET: Final = "UNICODE UTF-8"
"""MSH-18 (table 0211)."""

SEPARATORS: Final = "\r|~^&"
"""Separators of segments, fields, repetitions, components and subcomponents, as python-hl7 orders them."""
ESCAPE: Final = "\\"

SEQUENCES: Final = {"|": "F", "^": "S", "&": "T", "~": "R", ESCAPE: "E"}
"""Letters of the escape sequences of separators (HL7 2.5.1, 2.7.1)."""
ESCAPED: Final = str.maketrans({sign: f"{ESCAPE}{code}{ESCAPE}" for sign, code in SEQUENCES.items()})
MEANT: Final = {code: sign for sign, code in SEQUENCES.items()}

NULL: Final = '""'
"""The value by which a message deletes what the receiver has (HL7 2.5.1, 2.5.3); no film may say so."""

Value = str | Sequence[str]
"""A component: its text, or the texts of its subcomponents."""
Repetition = Value | tuple[Value, ...]
"""A field that does not repeat: its text, or its components."""
FieldValue = Repetition | list[Repetition] | None
"""A field: None is empty; a list is its repetitions."""

Part = TypeVar("Part")


def escape(text: str) -> str:
    r"""Return a value in which no character acts as a separator.

    Control characters become spaces: the carriage return ends a segment and the characters of MLLP end a
    message. Other characters beyond ASCII stay, because MSH-18 declares UTF-8. The null value becomes empty.

    >>> escape("Smith & Sons | ^~\\ 5\r\n")
    'Smith \\T\\ Sons \\F\\ \\S\\\\R\\\\E\\ 5'
    """
    printable = "".join(" " if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text)
    value = printable.strip()
    return "" if value == NULL else value.translate(ESCAPED)


def unescape(text: str) -> str:
    """Return a value with its escaped separators; other escape sequences, such as of formatting, stay.

    The library's own function is not used: it logs values that it does not understand.
    """
    return re.sub(r"\\([FSTRE])\\", lambda found: MEANT[found[1]], text)


def make_segment(name: str, fields: Mapping[int, FieldValue]) -> hl7.Segment:
    """Return a segment.

    Args:
        name: three letters.
        fields: values by the number of their field.
    """
    last = max((number for number, value in fields.items() if not _is_empty(value)), default=0)
    parts = [_make_field([name])]
    for number in range(1, last + 1):
        value = fields.get(number)
        parts.append(_make_field(value if isinstance(value, list) else [value or ""]))
    return hl7.Segment(SEPARATORS[1], parts)


def make_header(fields: Mapping[int, FieldValue]) -> hl7.Segment:
    """Return an MSH segment; its first two fields hold the separators."""
    segment = make_segment("MSH", {1: " ", 2: " "} | dict(fields))
    segment[1] = hl7.Field("", [SEPARATORS[1]])
    segment[2] = hl7.Field("", [SEPARATORS[3] + SEPARATORS[2] + ESCAPE + SEPARATORS[4]])
    return segment


def set_field(segment: hl7.Segment, number: int, value: FieldValue) -> None:
    """Replace a field of a segment, which grows where it is shorter."""
    while len(segment) <= number:
        segment.append(_make_field([""]))
    segment[number] = _make_field(value if isinstance(value, list) else [value or ""])


def make_message(segments: Sequence[hl7.Segment]) -> bytes:
    """Return a message in UTF-8, each segment ended by a carriage return."""
    return str(hl7.Message(SEPARATORS[0], list(segments))).encode("utf-8")


def read_message(content: bytes) -> hl7.Message:
    """Parse a message in UTF-8.

    Raises:
        ValueError: when it is no HL7 message.
    """
    try:
        return hl7.parse(content.decode("utf-8"))
    except (hl7.HL7Exception, LookupError, TypeError, AssertionError, AttributeError) as error:
        raise ValueError(f"no HL7 message ({type(error).__name__})") from error


def find_value(message: hl7.Message, segment: str, field: int) -> str:
    """Return the first component of a field of the first segment of this name; empty where there is none."""
    try:
        value = message.segment(segment)[field]
        while not isinstance(value, str):
            value = value[0]
    except (KeyError, IndexError):
        return ""
    return unescape(value).strip()


def find_observation(message: hl7.Message, code: str) -> str:
    """Return the value (OBX-5) of the first observation with a code; empty where there is none."""
    for segment in message:
        if str(segment[0]) == "OBX" and len(segment) > 5 and str(segment[3]).split("^")[0] == code:
            return unescape(str(segment[5]))
    return ""


def format_time(moment: datetime) -> str:
    """Return a time of data type TS, to the second, with its zone."""
    return f"{moment:%Y%m%d%H%M%S%z}"


def read_dicom_time(date: str | None, time: str | None, offset: str | None = None) -> str:
    """Return a time of data type TS from values of DA, TM and Timezone Offset From UTC (0008,0201).

    >>> read_dicom_time("20240506", "0708", "+0200")
    '202405060708+0200'
    >>> read_dicom_time("2024.05.06", None)
    '20240506'
    >>> read_dicom_time("yesterday", "0708")
    ''
    """
    day = (date or "").replace(".", "")
    if not re.fullmatch(r"\d{8}", day):
        return ""
    clock = re.match(r"(\d{2}){1,3}", (time or "").replace(":", ""))
    if clock is None:
        return day
    zone = offset if offset and re.fullmatch(r"[+-]\d{4}", offset) else ""
    hours = clock.group() if len(clock.group()) > 2 else f"{clock.group()}00"
    return f"{day}{hours}{zone}"


def _make_field(repetitions: Sequence[Repetition]) -> hl7.Field:
    return hl7.Field(SEPARATORS[2], [_make_repetition(value) for value in repetitions])


def _make_repetition(value: Repetition) -> hl7.Repetition:
    components = value if isinstance(value, tuple) else (value,)
    return hl7.Repetition(SEPARATORS[3], [_make_component(component) for component in _trim(components)])


def _make_component(value: Value) -> hl7.Component:
    texts = [value] if isinstance(value, str) else list(value)
    return hl7.Component(SEPARATORS[4], [escape(text) for text in _trim(texts)])


def _trim(values: Sequence[Part]) -> list[Part]:
    """Return values without empty ones at the end, for which no separator is written."""
    last = max((number for number, value in enumerate(values) if not _is_empty(value)), default=0)
    return list(values[: last + 1])


def _is_empty(value: object) -> bool:
    return not value or (isinstance(value, list | tuple) and all(map(_is_empty, value)))
