"""Answers of receivers: AA, AE and AR are told apart, and an answer to another message is none."""

from __future__ import annotations

import pytest

from dicom_gateway.hl7.acknowledgement import NotAcknowledgedError, judge, read_acknowledgement
from sending.send_result import SendResult
from tests.servers.peers.mllp_receiver import acknowledge

MESSAGE = b"MSH|^~\\&|TBSCREEN||||||ORU^R01^ORU_R01|CONTROL1|P|2.5.1\r"


@pytest.mark.parametrize(
    ("code", "error", "result"),
    [
        ("AA", "", SendResult.DELIVERED),
        ("CA", "", SendResult.DELIVERED),
        ("AE", "", SendResult.PERMANENT),
        ("AE", "101", SendResult.PERMANENT),
        ("AE", "206", SendResult.TRANSIENT),
        ("AE", "207", SendResult.TRANSIENT),
        ("CE", "", SendResult.PERMANENT),
        ("AR", "", SendResult.TRANSIENT),
        ("AR", "207", SendResult.TRANSIENT),
        ("AR", "200", SendResult.PERMANENT),
        ("AR", "203", SendResult.PERMANENT),
        ("CR", "", SendResult.TRANSIENT),
    ],
)
def test_each_answer_means_one_thing(code: str, error: str, result: SendResult) -> None:
    answer = read_acknowledgement(acknowledge(MESSAGE, code, error, "no \\F\\ bed"), "CONTROL1")

    judged, reason = judge(answer)

    assert judged is result
    if judged is not SendResult.DELIVERED:
        assert reason == " ".join(part for part in (code, error) if part) + ": no | bed"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (acknowledge(MESSAGE.replace(b"CONTROL1", b"CONTROL2")), "another message"),
        (acknowledge(MESSAGE, "??"), "no acknowledgement code"),
        (b"MSH|^~\\&|RIS\r", "no acknowledgement code"),
        (b"HTTP/1.1 400 Bad Request", "no HL7 message"),
        (b"", "no HL7 message"),
        (b"\xff\xfe", "no HL7 message"),
    ],
)
def test_what_acknowledges_nothing_is_told(content: bytes, why: str) -> None:
    with pytest.raises(NotAcknowledgedError, match=why):
        read_acknowledgement(content, "CONTROL1")


def test_an_answer_in_latin_1_is_understood() -> None:
    content = acknowledge(MESSAGE, "AE", text="X").replace(b"|X\r", b"|pr\xe9nom\r")
    assert read_acknowledgement(content, "CONTROL1").code == "AE"
