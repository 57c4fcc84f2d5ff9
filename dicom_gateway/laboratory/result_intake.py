"""The intake of a message: its results are recorded, then it is answered."""

from __future__ import annotations

import hashlib
from typing import Final

import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from db.bacteriology import results
from db.database import Database
from db.hl7 import received_messages
from dicom_gateway import metrics
from dicom_gateway.audit.audit_message import Participant
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.laboratory import message_fault
from dicom_gateway.laboratory.answer import ACCEPTED, write_answer
from dicom_gateway.laboratory.message_fault import MessageFaultError
from dicom_gateway.laboratory.oru_message import (
    MessageHeader,
    ReportedResult,
    check_header,
    list_patients,
    parse,
    read_header,
    read_results,
)

AWAY: Final = "nothing is taken at the moment: send it again later"
PATIENTS_AT_ONCE: Final = 100
"""Patients in one audit record."""

log = structlog.get_logger(__name__)


class ResultIntake:
    """Records the results of messages.

    Args:
        settings: our names, and how messages are read.
        database: holds the results.
        audit: records what changed; None for no audit.
    """

    def __init__(self, settings: MessageSettings, database: Database, audit: AuditTrail | None) -> None:
        self._settings = settings
        self._database = database
        self._audit = audit

    def take(self, content: bytes, address: str) -> bytes:
        """Record the results of a message, all or none, and return the answer.

        It says AA only after the commit. The same message from the same sender again changes nothing.
        """
        header = MessageHeader()
        fault: MessageFaultError | None = None
        counts: dict[str, int] = {}
        try:
            message = parse(content, self._settings.results)
            header = read_header(message)
            check_header(message, header, self._settings.processing_id)
            found = read_results(message, self._settings.results)
            counts = self._record_once(header, content, found, address)
        except MessageFaultError as error:
            fault = error
        except SQLAlchemyError as error:
            log.error("laboratory message not recorded", error=type(error).__name__)
            fault = self.reject(AWAY)
        except Exception as error:  # noqa: BLE001  the sender keeps the message
            log.error("laboratory message not read", error=type(error).__name__)
            fault = self.reject(AWAY)
        if fault is not None:
            self._note_refusal(header, content, fault)
        code = ACCEPTED if fault is None else fault.code
        metrics.LABORATORY_MESSAGES.labels(code).inc()
        place = (
            {} if fault is None else {"segment": fault.segment, "field": fault.field, "error": fault.error}
        )
        log.info("laboratory message", address=address, answer=code, **counts, **place)
        return write_answer(header, self._settings, fault)

    @staticmethod
    def reject(reason: str) -> MessageFaultError:
        """Return the fault of a message that may be taken later."""
        return MessageFaultError(reason, message_fault.INTERNAL, code=message_fault.REJECT)

    def _record_once(
        self, header: MessageHeader, content: bytes, found: list[ReportedResult], address: str
    ) -> dict[str, int]:
        try:
            return self._record(header, content, found, address)
        except IntegrityError:  # it came twice at a time, and the other one is recorded now
            return self._record(header, content, found, address)

    def _record(
        self, header: MessageHeader, content: bytes, found: list[ReportedResult], address: str
    ) -> dict[str, int]:
        author = f"HL7 {header.application}/{header.facility} from {address}"
        digest = hashlib.sha256(content).hexdigest()
        plain = [entry for entry in found if not entry.restates]
        corrections = [entry for entry in found if entry.restates]
        with self._database.write() as session:
            if received_messages.is_accepted(session, header.sender, header.control_id, digest):
                return {"repeated": 1}
            changed: list[ReportedResult] = []
            for entries, restate in ((plain, False), (corrections, True)):
                changed += _record_together(session, entries, author, restate)
            received_messages.record(session, header.sender, header.control_id, digest, ACCEPTED)
        if changed and self._audit is not None:
            who = Participant("", address, None, True, user=author)
            change = f"{len(changed)} bacteriology results recorded"
            patients = list_patients(changed)
            for first in range(0, len(patients), PATIENTS_AT_ONCE):
                self._audit.record_patient_change(who, change, patients[first : first + PATIENTS_AT_ONCE], [])
        return {"results": len(found), "changed": len(changed)}

    def _note_refusal(self, header: MessageHeader, content: bytes, fault: MessageFaultError) -> None:
        """Keep why a message was refused, for `tbscreen doctor`."""
        digest = hashlib.sha256(content).hexdigest()
        try:
            with self._database.write() as session:
                received_messages.record(
                    session, header.sender, header.control_id, digest, fault.code, str(fault)
                )
        except SQLAlchemyError as error:
            log.error("refusal of a laboratory message not recorded", error=type(error).__name__)


def _record_together(
    session: Session, entries: list[ReportedResult], author: str, restate: bool
) -> list[ReportedResult]:
    """Record results; return those that are new or corrected."""
    recorded = results.record(session, [entry.result for entry in entries], author, restate)
    return [entries[place] for place in (*recorded.new, *recorded.corrected)]
