from __future__ import annotations

import pytest

from dicom_gateway.delivery.delivery_attempt import classify
from sending.send_result import SendResult


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (0x0000, SendResult.DELIVERED),
        (0x0111, SendResult.DELIVERED),
        (0xB000, SendResult.DELIVERED),
        (0xB006, SendResult.DELIVERED),
        (0xB007, SendResult.DELIVERED),
        (0xBFFF, SendResult.DELIVERED),
        (0xA700, SendResult.TRANSIENT),
        (0xA701, SendResult.TRANSIENT),
        (0xA7FF, SendResult.TRANSIENT),
        (0x0110, SendResult.TRANSIENT),
        (0x0213, SendResult.TRANSIENT),
        (0xFE00, SendResult.TRANSIENT),
        (0xA6FF, SendResult.PERMANENT),
        (0xA800, SendResult.PERMANENT),
        (0xA900, SendResult.PERMANENT),
        (0xA9FF, SendResult.PERMANENT),
        (0xC000, SendResult.PERMANENT),
        (0xCFFF, SendResult.PERMANENT),
        (0x0112, SendResult.PERMANENT),
        (0x0117, SendResult.PERMANENT),
        (0x0122, SendResult.PERMANENT),
        (0x0124, SendResult.PERMANENT),
        (0x0210, SendResult.TRANSIENT),
        (0x0107, SendResult.DELIVERED),
        (0x0116, SendResult.DELIVERED),
        (0x0211, SendResult.PERMANENT),
        (0x0212, SendResult.PERMANENT),
        (0x0001, SendResult.DELIVERED),
        (0xFF00, SendResult.PERMANENT),
        (None, SendResult.TRANSIENT),
    ],
    ids=lambda value: (
        "no answer" if value is None else f"0x{value:04X}" if isinstance(value, int) else str(value)
    ),
)
def test_status_decides_what_becomes_of_a_delivery(status: int | None, result: SendResult) -> None:
    found, reason = classify(status)

    assert found is result
    assert bool(reason) is (result is not SendResult.DELIVERED)
    assert status is None or result is SendResult.DELIVERED or f"0x{status:04X}" in reason


def test_every_status_is_classified() -> None:
    results = [classify(status)[0] for status in range(0x10000)]

    assert results.count(SendResult.TRANSIENT) == 0x100 + 4
    assert results.count(SendResult.DELIVERED) == 0x1000 + 5
