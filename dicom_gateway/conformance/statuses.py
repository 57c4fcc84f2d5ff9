"""Statuses that are returned, with their conditions, and the reactions to those of peers."""

from __future__ import annotations

from typing import Final

from dicom_gateway.association import statuses
from dicom_gateway.delivery import commitment_scu
from dicom_gateway.delivery.delivery_attempt import classify
from dicom_gateway.reception.admission import Rejection
from sending.send_result import SendResult

Rows = list[tuple[str, ...]]

STORAGE: Final = {
    statuses.SUCCESS: "Durable in the spool (fsync) and committed to the database. Also for the same "
    "instance again, and for what will not be screened: that is refused later, by a row with a code.",
    statuses.OUT_OF_RESOURCES: "The disk is nearly full (`gateway.reserved_disk_bytes`) or cannot be "
    "written, the database is away, or the dataset is larger than `gateway.maximum_dataset_bytes`.",
    statuses.DATASET_MISMATCH: "SOP class or instance are not those of the request, or an image "
    "without pixel data.",
    statuses.CANNOT_UNDERSTAND: "The dataset cannot be parsed up to its pixels, its pixels are "
    "encapsulated in a transfer syntax of native pixels, or the database cannot hold what it says.",
}
"""C-STORE (PS3.4 Table B.2-1)."""

QUERY: Final = {
    statuses.SUCCESS: "All matches have been answered.",
    statuses.PENDING: "A match; all keys are supported.",
    statuses.PENDING_INCOMPLETE: "A match; at least one optional key is not supported and was ignored.",
    statuses.CANCELLED: "Ended by C-CANCEL.",
    statuses.OUT_OF_RESOURCES: "More answers than `gateway.query.maximum_answers`, more studies "
    "to look at than `gateway.query.maximum_examined`, or the database is away; Error Comment (0000,0902) "
    "says which.",
    statuses.IDENTIFIER_MISMATCH: "The identifier cannot be decoded, has no valid Query/Retrieve Level, "
    "lacks a unique key of a level above, or has a value where none is matched.",
    statuses.UNABLE_TO_PROCESS: "Unable to process; nothing that asking differently would mend.",
}
"""C-FIND as SCP (PS3.4 Tables C.4-1 and CC.2.8-2)."""

COMMITMENT_REPORT: Final = {
    statuses.SUCCESS: "Written down; also for the same report again.",
    statuses.PROCESSING_FAILURE: "The database is away, or the sender is not the peer that was asked: "
    "send it again.",
    statuses.NO_SUCH_SOP_INSTANCE: "Another instance than that of PS3.4 J.3.5.",
    statuses.NO_SUCH_EVENT_TYPE: "An event type that PS3.4 Table J.3-2 does not have.",
    statuses.INVALID_ARGUMENT_VALUE: "A transaction that is not ours, or a report that cannot be read.",
}
"""N-EVENT-REPORT (PS3.7 10.1.1.1.8)."""

FOLLOWS: Final = {
    SendResult.DELIVERED: "delivered",
    SendResult.TRANSIENT: "tried again, with growing pauses, up to `courier.maximum_attempts` times",
    SendResult.PERMANENT: "parked: `tbscreen deliveries`",
}

RETRIEVE: Final = {
    statuses.SUCCESS: "The study's films are compared with what came.",
    statuses.MOVE_DESTINATION_UNKNOWN: "The pull ends and says what to enter at the PACS.",
    statuses.NOT_AUTHORISED: "The pull ends and says so.",
    statuses.CANCELLED: "Of a C-FIND: taken as a list that was cut short, and asked for in smaller parts.",
}
"""C-FIND, C-GET and C-MOVE as SCU (PS3.4 Tables C.4-1, C.4-2, C.4-3)."""


def list_answers(table: dict[int, str]) -> Rows:
    """Return status and meaning."""
    return [(f"0x{status:04X}", meaning) for status, meaning in sorted(table.items())]


def list_rejections() -> Rows:
    """Return result, source, reason and cause of each A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""
    rows: Rows = []
    for rejection in Rejection:
        code = rejection.value
        kind = "1 rejected-permanent" if code.result == 1 else "2 rejected-transient"
        rows.append((kind, str(code.source), str(code.reason), code.meaning))
    return rows


def list_store_answers() -> Rows:
    """Return the reaction to each status of a peer's C-STORE response."""
    known = sorted(
        {statuses.SUCCESS, statuses.DUPLICATE_SOP_INSTANCE, *statuses.WARNINGS, *statuses.STORE_FAILURES}
    )
    rows: Rows = [(f"0x{status:04X}", *_judge_store(status)) for status in known]
    rows.append(("0xBxxx", *_judge_store(0xB000)))
    rows.append(("any other", *_judge_store(0x0999)))
    rows.append(("no answer", *_judge_store(None)))
    return rows


def _judge_store(status: int | None) -> tuple[str, str]:
    result, reason = classify(status)
    meaning = reason.partition(": ")[2] if status is not None else reason
    if result is SendResult.DELIVERED:
        meaning = {
            statuses.SUCCESS: "success",
            statuses.DUPLICATE_SOP_INSTANCE: "duplicate SOP instance",
        }.get(status or 0, "warning")
    return meaning, FOLLOWS[result]


def list_action_answers() -> Rows:
    """Return the reaction to each status of a peer's N-ACTION response."""
    follows = {
        commitment_scu.Taken.TAKEN: "its report is waited for",
        commitment_scu.Taken.TRANSIENT: "asked again later",
        commitment_scu.Taken.PERMANENT: "parked: `tbscreen deliveries`",
    }
    known = [
        statuses.SUCCESS,
        *sorted(commitment_scu.TRANSIENT_STATUSES),
        statuses.NO_SUCH_SOP_INSTANCE,
        statuses.SOP_CLASS_NOT_SUPPORTED,
        statuses.NOT_AUTHORISED,
    ]
    rows: Rows = [(f"0x{status:04X}", follows[commitment_scu.judge(status).taken]) for status in known]
    return [*rows, ("no answer", follows[commitment_scu.judge(None).taken])]
