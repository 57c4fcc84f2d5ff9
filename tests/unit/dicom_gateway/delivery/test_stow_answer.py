"""Answers to Store requests: permanent or transient by failure reason, not by the status alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dicom_gateway.delivery.stow_answer import judge
from sending.send_result import SendResult

UID = "1.2.3"
DELIVERED, TRANSIENT, PERMANENT = SendResult.DELIVERED, SendResult.TRANSIENT, SendResult.PERMANENT


def encode(
    stored: tuple[str, ...] = (), failed: dict[str, int] | None = None, others: tuple[int, ...] = ()
) -> bytes:
    """A Store Instances Response."""

    def refer(uid: str) -> dict[str, Any]:
        return {"00081155": {"vr": "UI", "Value": [uid]}}

    def explain(reason: int) -> dict[str, Any]:
        return {"00081197": {"vr": "US", "Value": [reason]}}

    model = {
        "00081199": {"vr": "SQ", "Value": [refer(uid) for uid in stored]},
        "00081198": {"vr": "SQ", "Value": [refer(uid) | explain(why) for uid, why in (failed or {}).items()]},
        "0008119A": {"vr": "SQ", "Value": [explain(reason) for reason in others]},
    }
    return json.dumps(model).encode()


@pytest.mark.parametrize(
    ("status", "body", "result", "in_trouble"),
    [
        (200, encode((UID,)), DELIVERED, False),
        (202, encode((UID,)), DELIVERED, False),
        (200, b"", DELIVERED, False),
        (200, b"<NativeDicomModel/>", DELIVERED, False),
        (204, b"<html>", DELIVERED, False),
        (200, b"\xef\xbb\xbf\r\n<!DOCTYPE html><title>Log in</title>", TRANSIENT, True),
        (200, b"<html><body>Viewer</body></html>", TRANSIENT, True),
        (202, b"", TRANSIENT, False),
        (200, encode(("1.9",)), TRANSIENT, False),
        # the same status, by reason
        (409, encode(failed={UID: 0xA700}), TRANSIENT, True),
        (409, encode(failed={UID: 0x0110}), TRANSIENT, False),
        (409, encode(failed={UID: 0xA900}), PERMANENT, False),
        (409, encode(failed={UID: 0xC000}), PERMANENT, False),
        (409, encode(failed={UID: 0x0122}), PERMANENT, False),
        (409, encode(failed={UID: 0x0111}), DELIVERED, False),
        (409, encode(others=(0xA700,)), TRANSIENT, True),
        (409, encode(others=(0xC000,)), PERMANENT, False),
        (409, b"", TRANSIENT, False),
        (200, encode(failed={UID: 0xC000}), PERMANENT, False),
        (202, encode(("1.9",), failed={UID: 0xA700}), TRANSIENT, True),
        # without a reason
        (400, b"", PERMANENT, False),
        (413, b"", PERMANENT, False),
        (415, b"", PERMANENT, False),
        (422, b"", PERMANENT, False),
        (401, b"", TRANSIENT, True),
        (403, b"", TRANSIENT, True),
        (404, b"", TRANSIENT, True),
        (307, b"", TRANSIENT, True),
        (429, b"", TRANSIENT, True),
        (500, b"", TRANSIENT, False),
        (502, b"", TRANSIENT, True),
        (503, b"", TRANSIENT, True),
        (507, b"", TRANSIENT, True),
    ],
)
def test_an_answer_is_judged_by_its_reasons_and_then_by_its_status(
    status: int, body: bytes, result: SendResult, in_trouble: bool
) -> None:
    verdict = judge(status, body, UID)
    assert (verdict.result, verdict.in_trouble) == (result, in_trouble)
    assert bool(verdict.reason) is (result is not DELIVERED)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"00081199": 5, "00081198": {"Value": 7}, "0008119A": {"Value": [3]}}',
        b'{"00081198": {"Value": [{"00081155": {"Value": []}, "00081197": {"Value": ["x"]}}]}}',
        b"\xff\xfe",
        b"null",
    ],
)
def test_an_answer_that_is_no_dataset_does_not_break_the_courier(body: bytes) -> None:
    assert judge(409, body, UID).result is TRANSIENT
    assert judge(400, body, UID).result in (TRANSIENT, PERMANENT)


def test_the_transfer_syntax_is_named_as_the_cause() -> None:
    assert judge(409, encode(failed={UID: 0xC122}), UID).wants_other_syntax
    assert judge(415, b"", UID).wants_other_syntax
    assert not judge(409, encode(failed={UID: 0xC000}), UID).wants_other_syntax
