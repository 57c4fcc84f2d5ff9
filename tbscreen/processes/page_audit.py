"""Audit records of actions on the page (PS3.15 A.5.3.6, A.5.3.10 and A.5.3.14)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dicom_gateway.audit.audit_log import AuditLog
from dicom_gateway.audit.audit_message import (
    Action,
    AuditedObject,
    AuditEvent,
    EventId,
    EventOutcome,
    EventType,
    Participant,
    Role,
    describe_audit_log,
    describe_patient,
    describe_search,
    describe_study,
)
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.reception.refusal_log import RefusalLog
from web.access.audit import ChangeKind

PROCESS = "web"

EVENT_TYPES: Final[Mapping[ChangeKind, EventType]] = {
    ChangeKind.ACCOUNT: EventType.USER_CHANGED,
    ChangeKind.ROLE: EventType.ROLES_CHANGED,
    ChangeKind.SOFTWARE: EventType.SOFTWARE_CONFIGURATION,
}
"""Types of the records of changes, the same as those of the commands."""


class PageAudit(AuditLog):
    """A `web.access.audit.AuditTrail` that records what people do. It needs no DICOM library.

    Args:
        settings: what is recorded, and where to.
        directory: for files.
        ae_title: of this installation.
    """

    def __init__(self, settings: AuditSettings, directory: Path, ae_title: str) -> None:
        self._page = Participant(ae_title, socket.gethostname(), Role.APPLICATION, False, str(os.getpid()))
        self._directory = directory.resolve()
        super().__init__(settings, directory, PROCESS, self._page)
        self._wrong_tokens = RefusalLog(alert=self._record_wrong_tokens)

    def record_login(self, user: str, address: str, *, is_right: bool) -> None:
        """Record an attempt to log in (User Authentication)."""
        self.record(
            AuditEvent(
                EventId.USER_AUTHENTICATION,
                Action.EXECUTE,
                self._describe_people(user, address),
                event_type=EventType.LOGIN,
                outcome=EventOutcome.SUCCESS if is_right else EventOutcome.MINOR_FAILURE,
                description="" if is_right else "name or password is wrong, or there were too many failures",
            )
        )

    def record_logout(self, user: str, address: str) -> None:
        """A user logged out (User Authentication)."""
        people = self._describe_people(user, address)
        self.record(
            AuditEvent(EventId.USER_AUTHENTICATION, Action.EXECUTE, people, event_type=EventType.LOGOUT)
        )

    def record_wrong_token(self, address: str) -> None:
        """Record a wrong bearer token; the first of an address at once, then their count once a minute."""
        self._wrong_tokens.note("wrong bearer token", address=address)
        self._wrong_tokens.flush()

    def record_wrong_proxy(self, address: str) -> None:
        """Record a proxy's header from elsewhere; the first at once, then their count once a minute."""
        self._wrong_tokens.note("user header that is not the proxy's", address=address)
        self._wrong_tokens.flush()

    def record_password_change(self, user: str, address: str, *, is_right: bool) -> None:
        """Record a user's own change of the password (User Security Attributes Changed)."""
        alert = f"password of {user} changed on the page"
        if not is_right:
            alert = f"password of {user} not changed: the present one was wrong, or too many attempts"
        outcome = EventOutcome.SUCCESS if is_right else EventOutcome.MINOR_FAILURE
        self.record_security(EventType.USER_CHANGED, alert, self._describe_people(user, address)[0], outcome)

    def close(self) -> None:
        """Record what was counted, and send the waiting records."""
        self._wrong_tokens.close()
        super().close()

    def _record_wrong_tokens(self, event: str, fields: dict[str, str], count: int) -> None:
        people = self._describe_people("", fields.get("address", ""))
        self.record(
            AuditEvent(
                EventId.USER_AUTHENTICATION,
                Action.EXECUTE,
                people,
                event_type=EventType.LOGIN,
                outcome=EventOutcome.MINOR_FAILURE,
                description=f"{event} ({count} times)",
            )
        )

    def record_search(self, user: str, address: str, query: str) -> None:
        """A user saw a page of the worklist (Query)."""
        people = self._describe_people(user, address)
        self.record(AuditEvent(EventId.QUERY, Action.EXECUTE, people, (describe_search(query.encode()),)))

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
        self.record(AuditEvent(EventId.INSTANCES_ACCESSED, action, people, objects))

    def record_reconciliation(
        self,
        user: str,
        address: str,
        change: str,
        patient_ids: Sequence[str],
        study_instance_uids: Sequence[str],
    ) -> None:
        """Record a decision on patients (Patient Record)."""
        self.record_patient_change(
            self._describe_people(user, address)[0], change, patient_ids, study_instance_uids
        )

    def record_change(self, user: str, address: str, kind: ChangeKind, change: str) -> None:
        """Record a change by an administrator (Security Alert), as the command does."""
        self.record_security(EVENT_TYPES[kind], change, self._describe_people(user, address)[0])

    def record_audit_view(self, user: str, address: str) -> None:
        """A user saw audit records (Audit Log Used, PS3.15 A.5.3.2)."""
        people, log = self._describe_people(user, address), describe_audit_log(str(self._directory))
        self.record(AuditEvent(EventId.AUDIT_LOG_USED, Action.READ, people, (log,)))

    def _describe_people(self, user: str, address: str) -> tuple[Participant, Participant]:
        return Participant("", address, None, True, user=user or "unknown"), self._page
