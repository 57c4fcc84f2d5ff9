"""What people did on the page, as audit records (PS3.15 A.5.3.6, A.5.3.10 and A.5.3.14)."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import structlog

from dicom_gateway.audit_file import AuditFile
from dicom_gateway.audit_message import (
    Action,
    AuditedObject,
    AuditEvent,
    AuditSource,
    EventId,
    EventType,
    Outcome,
    Participant,
    Role,
    build_message,
    describe_patient,
    describe_search,
    describe_study,
)
from dicom_gateway.audit_settings import AuditSettings
from dicom_gateway.syslog_sender import SyslogSender

PROCESS = "web"

log = structlog.get_logger(__name__)


class PageAudit:
    """A `web.witness.Witness` that records to a file, a repository or both. It needs no DICOM library.

    Args:
        settings: what is recorded, and where to.
        directory: for files.
        ae_title: of this installation.
    """

    def __init__(self, settings: AuditSettings, directory: Path, ae_title: str) -> None:
        self._source = AuditSource(settings.source, settings.site)
        self._page = Participant(ae_title, socket.gethostname(), Role.APPLICATION, False, str(os.getpid()))
        self._file: AuditFile | None = None
        if settings.file:
            self._file = AuditFile(directory / f"{PROCESS}.log", settings.file_bytes, settings.files)
        self._sender = SyslogSender(settings, PROCESS) if settings.syslog != "none" else None
        if self._sender is not None:
            self._sender.start()

    def record_start(self) -> None:
        """The page is served from now on (Application Activity)."""
        self._record_activity(EventType.START)

    def record_stop(self) -> None:
        """The page is not served any more (Application Activity)."""
        self._record_activity(EventType.STOP)

    def close(self) -> None:
        """Send what waits; nothing is recorded after this."""
        if self._sender is not None:
            self._sender.end()

    def record_login(self, user: str, address: str, *, is_right: bool) -> None:
        """Somebody tried to log in (User Authentication)."""
        self._record(
            AuditEvent(
                EventId.USER_AUTHENTICATION,
                Action.EXECUTE,
                self._describe_people(user, address),
                event_type=EventType.LOGIN,
                outcome=Outcome.SUCCESS if is_right else Outcome.MINOR_FAILURE,
                description="" if is_right else "name or password is wrong, or there were too many failures",
            )
        )

    def record_logout(self, user: str, address: str) -> None:
        """A user logged out (User Authentication)."""
        people = self._describe_people(user, address)
        self._record(
            AuditEvent(EventId.USER_AUTHENTICATION, Action.EXECUTE, people, event_type=EventType.LOGOUT)
        )

    def record_search(self, user: str, address: str, query: str) -> None:
        """A user saw a page of the worklist (Query)."""
        people = self._describe_people(user, address)
        self._record(AuditEvent(EventId.QUERY, Action.EXECUTE, people, (describe_search(query.encode()),)))

    def record_access(
        self, user: str, address: str, study_instance_uid: str, patient_id: str, *, is_changed: bool
    ) -> None:
        """A user saw a study, or read it (DICOM Instances Accessed)."""
        objects: tuple[AuditedObject, ...] = (
            describe_study(study_instance_uid, {}),
            describe_patient(patient_id),
        )
        action = Action.UPDATE if is_changed else Action.READ
        people = self._describe_people(user, address)
        self._record(AuditEvent(EventId.INSTANCES_ACCESSED, action, people, objects))

    def _record_activity(self, kind: EventType) -> None:
        self._record(AuditEvent(EventId.APPLICATION_ACTIVITY, Action.EXECUTE, (self._page,), event_type=kind))

    def _describe_people(self, user: str, address: str) -> tuple[Participant, Participant]:
        return Participant("", address, None, True, user=user or "unknown"), self._page

    def _record(self, event: AuditEvent) -> None:
        moment = datetime.now(UTC)
        try:
            record = build_message(event, self._source, moment)
            if self._sender is not None:
                self._sender.put(record, moment)
            if self._file is not None:
                self._file.write(record)
        except Exception as error:  # noqa: BLE001  a record that cannot be written keeps nobody from a film
            log.error("audit record not written", record=event.event_id.name, error=type(error).__name__)
