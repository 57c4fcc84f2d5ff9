"""Receives N-EVENT-REPORTs on storage commitment (PS3.4 J.3.3), on any association."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from pydicom.dataset import Dataset
from pynetdicom import evt
from sqlalchemy.exc import SQLAlchemyError

from db.clock import now
from db.database import Database
from db.delivery import commitment_requests
from db.delivery.commitment_requests import Answer, AnsweredReport
from dicom_gateway.association.association_identity import name_sender
from dicom_gateway.association.peer_recognition import PeerRecognition, identify_sender
from dicom_gateway.association.presentation_contexts import STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE
from dicom_gateway.association.statuses import (
    CLASS_INSTANCE_CONFLICT,
    INVALID_ARGUMENT_VALUE,
    NO_SUCH_EVENT_TYPE,
    NO_SUCH_SOP_INSTANCE,
    PROCESSING_FAILURE,
    SOP_CLASS_NOT_SUPPORTED,
    SUCCESS,
)
from dicom_gateway.reception.refusal_log import RefusalLog
from domain.errors import PermanentError
from domain.film_key import film_key
from domain.film_stage import shorten_key, tell

ALL_COMMITTED: Final = 1
SOME_FAILED: Final = 2
"""Event types of PS3.4 Table J.3-2."""

HOPELESS_REASONS: Final = frozenset({CLASS_INSTANCE_CONFLICT, SOP_CLASS_NOT_SUPPORTED})
"""Failure Reasons (0008,1197) that sending again does not cure (PS3.3 C.14.1.1). After any other, such as
`NO_SUCH_SOP_INSTANCE`, the object is sent again."""

log = structlog.get_logger(__name__)


class ReportNotUnderstoodError(PermanentError):
    """The event's dataset violates PS3.4 Table J.3-2. Permanent: the fault is the peer's."""


@dataclass(frozen=True)
class CommitmentReport:
    """A peer's report on a commitment request."""

    transaction_uid: str
    committed: frozenset[str] = frozenset()
    """SOP Instance UIDs that the peer commits to store."""
    failed: dict[str, int] = field(default_factory=dict)
    """SOP Instance UIDs that the peer does not commit to, each with its Failure Reason (0008,1197)."""


class CommitmentEvents:
    """Records peers' reports in the database, for the gateway and the courier.

    Args:
        database: holds the requests and their answers.
        recognition: judges the senders of reports on associations that the sender opened.
        refusals: logs reports that are not believed.
    """

    def __init__(self, database: Database, recognition: PeerRecognition, refusals: RefusalLog) -> None:
        self._database = database
        self._recognition = recognition
        self._refusals = refusals

    def receive(self, event: evt.Event, called: str | None = None) -> tuple[int, Dataset | None]:
        """Answer one N-EVENT-REPORT; with success only after the database has committed it.

        Args:
            event: the request.
            called: name of the peer to which we opened the association; None where the sender opened it.
        """
        return self._record(event, called), None

    def _record(self, event: evt.Event, called: str | None) -> int:
        event_log = log.bind(sender=name_sender(event.assoc))
        request: Any = event.request
        subject = (request.AffectedSOPClassUID, request.AffectedSOPInstanceUID)
        if subject != (STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE):
            event_log.warning("event of another service than storage commitment")
            return NO_SUCH_SOP_INSTANCE
        if request.EventTypeID not in (ALL_COMMITTED, SOME_FAILED):
            event_log.warning("commitment event of unknown type", type=request.EventTypeID)
            return NO_SUCH_EVENT_TYPE
        try:
            report = read_report(event.event_information)
        except Exception as error:  # noqa: BLE001  pydicom raises many types for malformed datasets
            event_log.warning("commitment report not understood", error=type(error).__name__)
            return INVALID_ARGUMENT_VALUE
        event_log = event_log.bind(request=shorten_key(film_key(report.transaction_uid)))
        try:
            with self._database.read() as session:
                asked = commitment_requests.find_peer(session, report.transaction_uid)
            if asked is None:
                event_log.warning("commitment report on an unknown request")
                return INVALID_ARGUMENT_VALUE
            if not self._is_believed(event, report.transaction_uid, asked, called):
                return PROCESSING_FAILURE
            with self._database.write() as session:
                answer = commitment_requests.record_answer(
                    session, report.transaction_uid, report.committed, report.failed
                )
        except SQLAlchemyError as error:
            event_log.error("commitment report not stored: database unavailable", error=type(error).__name__)
            return PROCESSING_FAILURE
        event_log.info(
            "commitment report",
            peer=answer.peer,
            first=answer.first,
            committed=answer.committed,
            failed=answer.failed,
        )
        for answered in answer.reports:
            _log_answer(answer, answered, event_log)
        return SUCCESS

    def _is_believed(self, event: evt.Event, transaction_uid: str, asked: str, called: str | None) -> bool:
        """Return whether the sender is the peer that was asked; else record, log and audit it.

        PS3.7 10.1.1.1.8 has no status for a sender without authority. With 0x0110 a peer may repeat its
        report after the settings were corrected.
        """
        if called is not None:
            if called == asked:
                return True
            sender, address = name_sender(event.assoc), ""
            doubt = f"peer {asked} was asked, and this is an association to peer {called}"
        else:
            found = identify_sender(event.assoc)
            sender, address = str(found), found.address
            doubt = self._recognition.find_doubt(asked, found) or ""
            if not doubt:
                return True
        with self._database.write() as session:
            commitment_requests.note_doubted(session, transaction_uid, sender)
        self._refusals.note(
            "commitment report not believed", caller=name_sender(event.assoc), address=address, reason=doubt
        )
        return False


def _log_answer(answer: Answer, answered: AnsweredReport, event_log: structlog.BoundLogger) -> None:
    key = film_key(answered.film_sop_instance_uid)
    report_log = event_log.bind(
        film=shorten_key(key), report=shorten_key(film_key(answered.sop_instance_uid)), peer=answer.peer
    )
    failure = None
    if answered.failure_reason is None:
        report_log.info("report committed")
    else:
        failure = f"failure reason 0x{answered.failure_reason:04X}"
        report_log.warning("report not committed", reason=failure)
    requested_at = answer.requested_at or now()
    tell("commitment", key, int(requested_at.timestamp() * 1e9), failure, peer=answer.peer)


def read_report(information: Dataset) -> CommitmentReport:
    """Read an event's dataset (PS3.4 Table J.3-2).

    Raises:
        ReportNotUnderstoodError: when the Transaction UID or the UID of an object is missing.
    """
    transaction_uid = str(information.get("TransactionUID") or "")
    if not transaction_uid:
        raise ReportNotUnderstoodError("no Transaction UID (0008,1195)")
    failed = {}
    for item in information.get("FailedSOPSequence") or []:
        # An item without a reason is a failure, too.
        failed[_read_uid(item)] = int(item.get("FailureReason") or PROCESSING_FAILURE)
    committed = {_read_uid(item) for item in information.get("ReferencedSOPSequence") or []}
    return CommitmentReport(transaction_uid, frozenset(committed - failed.keys()), failed)


def _read_uid(item: Dataset) -> str:
    uid = str(item.get("ReferencedSOPInstanceUID") or "")
    if not uid:
        raise ReportNotUnderstoodError("an object without Referenced SOP Instance UID (0008,1155)")
    return uid
