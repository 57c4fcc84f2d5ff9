"""The answer of a receiver to a message (HL7 2.5.1, 2.9.2), and what it means for the message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dicom_gateway.hl7.segments import find_value, read_message
from domain.errors import TransientError
from sending.send_result import SendResult

ACCEPTED: Final = frozenset({"AA", "CA"})
"""MSA-1 (table 0008) of a message that the receiver has: application accept, or an engine's commit accept."""
ERRORS: Final = frozenset({"AE", "CE"})
"""The message is not understood or not acceptable; sending it again does not help."""
REJECTIONS: Final = frozenset({"AR", "CR"})
"""The receiver takes no message now, for reasons outside of it."""

RECORD_LOCKED: Final = "206"
INTERNAL_ERROR: Final = "207"
TRANSIENT_CODES: Final = frozenset({RECORD_LOCKED, INTERNAL_ERROR})
"""Error codes (ERR-3, table 0357) after which the same message may be taken later."""
PERMANENT_CODES: Final = frozenset({"200", "201", "202", "203"})
"""Rejections of all such messages: unsupported message type, event code, processing ID, version."""

MOST_REASON_CHARACTERS: Final = 500


class NotAcknowledgedError(TransientError):
    """The answer is no acknowledgement of the message. Transient: it is sent again."""


@dataclass(frozen=True)
class Acknowledgement:
    """An answer."""

    code: str
    """MSA-1."""
    error_code: str
    """ERR-3.1; empty where the answer has none."""
    text: str = ""
    """The receiver's text for people. It may quote patient data: show it, never log it."""


def read_acknowledgement(content: bytes, control_id: str) -> Acknowledgement:
    """Read the answer to a message.

    Args:
        content: the answer.
        control_id: MSH-10 of the message, which MSA-2 repeats.

    Raises:
        NotAcknowledgedError: when the answer is no acknowledgement, or one of another message.
    """
    try:
        # Receivers answer in their own character set: only ASCII decides.
        message = read_message(content.decode("utf-8", "replace").encode("utf-8"))
        code = find_value(message, "MSA", 1).upper()
        answered = find_value(message, "MSA", 2)
    except ValueError as error:
        raise NotAcknowledgedError(f"the answer is {error}") from None
    if code not in ACCEPTED | ERRORS | REJECTIONS:
        raise NotAcknowledgedError("the answer has no acknowledgement code (MSA-1)")
    if answered != control_id:
        raise NotAcknowledgedError("the answer is to another message (MSA-2)")
    texts = (find_value(message, "MSA", 3), find_value(message, "ERR", 7), find_value(message, "ERR", 8))
    error_code = find_value(message, "ERR", 3)
    return Acknowledgement(code, error_code, "; ".join(text for text in texts if text))


def judge(answer: Acknowledgement) -> tuple[SendResult, str]:
    """Return what an answer means for the message, and the reason unless it was accepted."""
    if answer.code in ACCEPTED:
        return SendResult.DELIVERED, ""
    code = f" {answer.error_code}" if answer.error_code else ""
    text = f": {answer.text}" if answer.text else ""
    reason = f"{answer.code}{code}{text}"[:MOST_REASON_CHARACTERS]
    if answer.code in ERRORS:
        is_transient = answer.error_code in TRANSIENT_CODES
    else:
        is_transient = answer.error_code not in PERMANENT_CODES
    return SendResult.TRANSIENT if is_transient else SendResult.PERMANENT, reason
