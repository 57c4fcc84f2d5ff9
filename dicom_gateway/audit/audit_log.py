"""The audit log: writes records to a file, sends them to a repository by syslog, or both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from dicom_gateway.audit.audit_file import AuditFile
from dicom_gateway.audit.audit_message import (
    Action,
    AuditEvent,
    AuditSource,
    EventId,
    EventOutcome,
    EventType,
    Participant,
    build_message,
    describe_alert,
    describe_patient,
    describe_study,
)
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.audit.syslog_sender import SyslogSender

log = structlog.get_logger(__name__)


class AuditLog:
    """Writes records. A failure is logged and delays no film, since the film's sender could not resolve it.

    Args:
        settings: settings of audit records.
        directory: folder of the files.
        process: kind of the recording process; names its file.
        ourselves: the recording process as a participant.
    """

    def __init__(
        self, settings: AuditSettings, directory: Path, process: str, ourselves: Participant
    ) -> None:
        self._source = AuditSource(settings.source, settings.site)
        self._ourselves = ourselves
        self._file: AuditFile | None = None
        if settings.file:
            self._file = AuditFile(directory / f"{process}.log", settings.file_bytes, settings.files)
        self._sender = SyslogSender(settings, process) if settings.syslog != "none" else None
        if self._sender is not None:
            self._sender.start()

    def record(self, event: AuditEvent) -> None:
        """Write one record."""
        moment = datetime.now(UTC)
        try:
            record = build_message(event, self._source, moment)
            if self._sender is not None:
                self._sender.put(record, moment)
            if self._file is not None:
                self._file.write(record)
        except Exception as error:  # noqa: BLE001  an audit failure must not stop a film
            log.error("audit record not written", record=event.event_id.name, error=type(error).__name__)

    def record_start(self) -> None:
        """Record the start of the process (Application Activity)."""
        self._record_activity(EventType.START)

    def record_stop(self) -> None:
        """Record the stop of the process (Application Activity)."""
        self._record_activity(EventType.STOP)

    def record_security(
        self,
        kind: EventType,
        alert: str,
        who: Participant | None = None,
        outcome: EventOutcome = EventOutcome.SUCCESS,
    ) -> None:
        """Record a change of accounts or settings, or a failed attempt (Security Alert, PS3.15 A.5.3.11).

        Args:
            kind: the type of the alert.
            alert: its description.
            who: the person who made the change; None for a change without a person.
            outcome: success for a change that was made.
        """
        participants = (self._ourselves,) if who is None else (who, self._ourselves)
        objects = (describe_alert(self._source.source, alert),)
        description = "" if outcome is EventOutcome.SUCCESS else alert
        event = AuditEvent(
            EventId.SECURITY_ALERT, Action.EXECUTE, participants, objects, kind, outcome, description
        )
        self.record(event)

    def record_patient_change(
        self, who: Participant, change: str, patient_ids: Sequence[str], study_instance_uids: Sequence[str]
    ) -> None:
        """Record a decision on patients (Patient Record, PS3.15 A.5.3.8).

        Args:
            who: the person who decided.
            change: the decision.
            patient_ids: the patients.
            study_instance_uids: the studies that it changed.
        """
        objects = (
            *(describe_patient(patient_id) for patient_id in patient_ids),
            *(describe_study(uid, {}) for uid in study_instance_uids),
        )
        people = (who, self._ourselves)
        self.record(AuditEvent(EventId.PATIENT_RECORD, Action.UPDATE, people, objects, description=change))

    def close(self) -> None:
        """Send the waiting records; call `record` no more after this."""
        if self._sender is not None:
            self._sender.end()

    def _record_activity(self, kind: EventType) -> None:
        participants = (self._ourselves,)
        self.record(AuditEvent(EventId.APPLICATION_ACTIVITY, Action.EXECUTE, participants, event_type=kind))
