"""The fault of a message: the code of the answer, and segment and field."""

from __future__ import annotations

from typing import Final

from domain.errors import PermanentError

ERROR: Final = "AE"
REJECT: Final = "AR"

MISSING: Final = "101"
"""Required field missing (table 0357), and the following likewise."""
DATA_TYPE: Final = "102"
TABLE_VALUE: Final = "103"
TYPE_UNSUPPORTED: Final = "200"
EVENT_UNSUPPORTED: Final = "201"
PROCESSING_UNSUPPORTED: Final = "202"
VERSION_UNSUPPORTED: Final = "203"
INTERNAL: Final = "207"

MEANINGS: Final = {
    MISSING: "Required field missing",
    DATA_TYPE: "Data type error",
    TABLE_VALUE: "Table value not found",
    TYPE_UNSUPPORTED: "Unsupported message type",
    EVENT_UNSUPPORTED: "Unsupported event code",
    PROCESSING_UNSUPPORTED: "Unsupported processing id",
    VERSION_UNSUPPORTED: "Unsupported version id",
    INTERNAL: "Application internal error",
}


class MessageFaultError(PermanentError):
    """A message that is not taken. The text holds no patient data.

    Args:
        reason: what is wrong, and what to do.
        error: code of table 0357.
        segment: name of the segment; empty where it is the whole message.
        sequence: number of the segment among those of its name, from 1.
        field: number of the field.
        code: AE or AR (table 0008).
    """

    def __init__(
        self,
        reason: str,
        error: str,
        segment: str = "",
        sequence: int = 1,
        field: int = 0,
        code: str = ERROR,
    ) -> None:
        where = f"{segment}[{sequence}]-{field}: " if segment and field else f"{segment}: " if segment else ""
        super().__init__(where + reason)
        self.error, self.segment, self.sequence, self.field = error, segment, sequence, field
        self.code = code
