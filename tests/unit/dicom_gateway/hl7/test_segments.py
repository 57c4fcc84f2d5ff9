"""Values in segments: no character of a film can act as a separator, and every other one arrives."""

from __future__ import annotations

import pytest

from dicom_gateway.hl7.segments import (
    escape,
    find_value,
    make_header,
    make_message,
    make_segment,
    read_dicom_time,
    read_message,
    unescape,
)

HOSTILE = [
    "Smith & Sons",
    "a|b^c~d&e",
    "\\F\\ is no separator",
    "\\",
    "\\\\E\\",
    "Müller 山田 Łódź 😀",
    'O\'Brien "the" 5 %',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_arrives_as_it_was(text: str) -> None:
    header = make_header({10: text, 18: "UNICODE UTF-8"})
    content = make_message([header, make_segment("ZZZ", {1: text, 2: (text, "next"), 3: [(text,), "again"]})])

    assert content.count(b"\r") == 2
    message = read_message(content)
    assert [find_value(message, "MSH", 10), find_value(message, "ZZZ", 1)] == [text, text]
    assert find_value(message, "ZZZ", 2) == find_value(message, "ZZZ", 3) == text
    assert str(message.segment("ZZZ")[2][0][1]) == "next"
    assert str(message.segment("ZZZ")[3][1]) == "again"
    assert unescape(escape(text)) == text


@pytest.mark.parametrize("text", ["Doe\rOBX|9|ST|x", "Doe\x1c\r\x0bMSH|^~\\&|", "Doe\nJane\x00\x85"])
def test_a_value_begins_no_segment_and_ends_no_message(text: str) -> None:
    content = make_message([make_header({10: "A1"}), make_segment("PID", {5: text})])

    assert [line[:3] for line in content.split(b"\r")] == [b"MSH", b"PID", b""]
    assert not {0x0B, 0x1C, 0x00, 0x0A} & set(content)


def test_a_film_deletes_nothing_at_the_receiver() -> None:
    assert escape('""') == escape(' "" ') == ""
    assert escape('"A"') == '"A"'


def test_empty_values_at_the_end_have_no_separators() -> None:
    assert str(make_segment("PID", {1: "1", 3: ("A", "", ""), 5: None, 8: ""})) == "PID|1||A"


@pytest.mark.parametrize(
    ("date", "time", "offset", "expected"),
    [
        ("20240506", "070809.123456", None, "20240506070809"),
        ("20240506", "07", "+0200", "202405060700+0200"),
        ("2024.05.06", "07:08:09", "", "20240506070809"),
        ("20240506", "noon", "+0200", "20240506"),
        ("19", "070809", None, ""),
        (None, None, None, ""),
    ],
)
def test_times_of_films(date: str | None, time: str | None, offset: str | None, expected: str) -> None:
    assert read_dicom_time(date, time, offset) == expected


@pytest.mark.parametrize("content", [b"", b"MSH", b"ABC|1", b"hello"])
def test_what_is_no_message_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no HL7 message"):
        read_message(content)
