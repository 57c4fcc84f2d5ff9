"""The result of one attempt to send one row of an outbox."""

from __future__ import annotations

from enum import StrEnum


class SendResult(StrEnum):
    """Result of sending one row."""

    DELIVERED = "delivered"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
