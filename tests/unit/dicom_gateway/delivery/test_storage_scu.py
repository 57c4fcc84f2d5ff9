from __future__ import annotations

import pytest

from dicom_gateway.delivery.storage_scu import Result, classify


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (0x0000, Result.DELIVERED),
        (0x0111, Result.DELIVERED),
        (0xB000, Result.DELIVERED),
        (0xB006, Result.DELIVERED),
        (0xB007, Result.DELIVERED),
        (0xBFFF, Result.DELIVERED),
        (0xA700, Result.TRANSIENT),
        (0xA701, Result.TRANSIENT),
        (0xA7FF, Result.TRANSIENT),
        (0x0110, Result.TRANSIENT),
        (0x0213, Result.TRANSIENT),
        (0xFE00, Result.TRANSIENT),
        (0xA6FF, Result.PERMANENT),
        (0xA800, Result.PERMANENT),
        (0xA900, Result.PERMANENT),
        (0xA9FF, Result.PERMANENT),
        (0xC000, Result.PERMANENT),
        (0xCFFF, Result.PERMANENT),
        (0x0112, Result.PERMANENT),
        (0x0117, Result.PERMANENT),
        (0x0122, Result.PERMANENT),
        (0x0124, Result.PERMANENT),
        (0x0210, Result.TRANSIENT),
        (0x0107, Result.DELIVERED),
        (0x0116, Result.DELIVERED),
        (0x0211, Result.PERMANENT),
        (0x0212, Result.PERMANENT),
        (0x0001, Result.DELIVERED),
        (0xFF00, Result.PERMANENT),
        (None, Result.TRANSIENT),
    ],
    ids=lambda value: (
        "no answer" if value is None else f"0x{value:04X}" if isinstance(value, int) else str(value)
    ),
)
def test_status_decides_what_becomes_of_a_delivery(status: int | None, result: Result) -> None:
    found, reason = classify(status)

    assert found is result
    assert bool(reason) is (result is not Result.DELIVERED)
    assert status is None or result is Result.DELIVERED or f"0x{status:04X}" in reason


def test_every_status_is_classified() -> None:
    results = [classify(status)[0] for status in range(0x10000)]

    assert results.count(Result.TRANSIENT) == 0x100 + 4
    assert results.count(Result.DELIVERED) == 0x1000 + 5
