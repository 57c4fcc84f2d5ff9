"""The metric of notices."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

ATTEMPTS: Final = Counter(
    "tbscreen_notice_attempts", "Notices sent to a receiver, by result.", ["receiver", "result"]
)
