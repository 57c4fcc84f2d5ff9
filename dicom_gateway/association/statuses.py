"""Statuses of DIMSE responses: those of all services, those of each service class, and their meaning."""

from __future__ import annotations

from typing import Final

SUCCESS: Final = 0x0000
"""Success (PS3.7 C.1.1)."""

PENDING: Final = 0xFF00
"""Pending (PS3.7 C.2): a match; all keys of the query are supported (PS3.4 C.4.1.1.4)."""
PENDING_INCOMPLETE: Final = 0xFF01
"""Pending: a match; at least one optional key is not supported (PS3.4 C.4.1.1.4)."""

CANCELLED: Final = 0xFE00
"""Cancelled (PS3.7 C.3)."""

WARNINGS: Final = (0x0001, 0x0107, 0x0116)
"""Warnings (PS3.7 C.4), besides 0xBxxx: the request succeeded with a remark."""

PROCESSING_FAILURE: Final = 0x0110
DUPLICATE_SOP_INSTANCE: Final = 0x0111
NO_SUCH_SOP_INSTANCE: Final = 0x0112
NO_SUCH_EVENT_TYPE: Final = 0x0113
INVALID_ARGUMENT_VALUE: Final = 0x0115
INVALID_SOP_INSTANCE: Final = 0x0117
NO_SUCH_SOP_CLASS: Final = 0x0118
CLASS_INSTANCE_CONFLICT: Final = 0x0119
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
NOT_AUTHORISED: Final = 0x0124
DUPLICATE_INVOCATION: Final = 0x0210
"""The peer still has a request of this message ID open."""
UNRECOGNISED_OPERATION: Final = 0x0211
MISTYPED_ARGUMENT: Final = 0x0212
RESOURCE_LIMITATION: Final = 0x0213
"""Failures of any service (PS3.7 C.5). `CLASS_INSTANCE_CONFLICT` and `SOP_CLASS_NOT_SUPPORTED` are Failure
Reasons (0008,1197) of storage commitment as well (PS3.3 C.14.1.1)."""

DUPLICATE_TRANSACTION_UID: Final = 0x0131
"""N-ACTION of storage commitment (PS3.4 J.3.2.1.4)."""

OUT_OF_RESOURCES: Final = 0xA700
"""C-STORE (PS3.4 Table B.2-1), C-FIND (Table C.4-1) and worklist query (Table CC.2.8-2)."""
RESPONSE_LIMIT_REACHED: Final = 0xB001
"""Repository Query (PS3.4 HHH): more matches than the peer returns."""
MOVE_DESTINATION_UNKNOWN: Final = 0xA801
"""C-MOVE (PS3.4 Table C.4-2)."""

DATASET_MISMATCH: Final = 0xA900
"""C-STORE: the dataset does not match its SOP class."""
IDENTIFIER_MISMATCH: Final = 0xA900
"""C-FIND: the identifier does not match its SOP class."""

CANNOT_UNDERSTAND: Final = 0xC000
"""C-STORE: the dataset cannot be parsed."""
TRANSFER_SYNTAX_NOT_SUPPORTED: Final = 0xC122
"""Store transaction (PS3.18 Table I.2-2): the transfer syntax is not supported. C-STORE negotiates it."""
UNABLE_TO_PROCESS: Final = 0xC000
"""C-FIND: the query cannot be processed."""

STORE_FAILURES: Final = {
    PROCESSING_FAILURE: "processing failure",
    INVALID_SOP_INSTANCE: "invalid SOP instance",
    NO_SUCH_SOP_CLASS: "no such SOP class",
    CLASS_INSTANCE_CONFLICT: "class-instance conflict",
    SOP_CLASS_NOT_SUPPORTED: "SOP class not supported",
    NOT_AUTHORISED: "not authorised: allow our AE title to store",
    DUPLICATE_INVOCATION: "duplicate invocation",
    UNRECOGNISED_OPERATION: "unrecognised operation",
    MISTYPED_ARGUMENT: "mistyped argument",
    RESOURCE_LIMITATION: "resource limitation",
    OUT_OF_RESOURCES: "out of resources",
    DATASET_MISMATCH: "data set does not match SOP class",
    CANNOT_UNDERSTAND: "cannot understand",
    CANCELLED: "cancelled",
}
"""Failures of C-STORE; from 0xA000 upwards one entry stands for all statuses with the same first byte."""


def is_done(status: int) -> bool:
    """True for success, and for the warnings of PS3.7 C.4 and 0xBxxx."""
    return status == SUCCESS or status in WARNINGS or 0xB000 <= status <= 0xBFFF


def is_out_of_resources(status: int) -> bool:
    """True when the cause is the peer's disk or memory, not the object."""
    return status == RESOURCE_LIMITATION or 0xA700 <= status <= 0xA7FF
