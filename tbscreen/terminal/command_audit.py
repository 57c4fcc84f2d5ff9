"""Audit records of commands that change accounts, bundles, site keys or patients."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tbscreen.terminal.invocation import name_user

if TYPE_CHECKING:
    from dicom_gateway.audit.audit_log import AuditLog
    from dicom_gateway.audit.audit_message import EventType, Participant
    from tbscreen.settings import Settings

PROCESS: Final = "command"


def record_change(settings: Settings, kind: EventType, change: str) -> None:
    """Record a change by a command (Security Alert).

    Args:
        settings: settings of audit records.
        kind: kind of the change.
        change: the change, without secrets.
    """
    with _opened(settings) as audit:
        audit.record_security(kind, change, _describe_user())


def record_patient_change(
    settings: Settings, change: str, patient_ids: Sequence[str], study_instance_uids: Sequence[str]
) -> None:
    """Record a decision on patients by a command (Patient Record).

    Args:
        settings: settings of audit records.
        change: the decision.
        patient_ids: the patients.
        study_instance_uids: the studies that it changed.
    """
    with _opened(settings) as audit:
        audit.record_patient_change(_describe_user(), change, patient_ids, study_instance_uids)


@contextmanager
def _opened(settings: Settings) -> Iterator[AuditLog]:
    from dicom_gateway.audit.audit_log import AuditLog
    from dicom_gateway.audit.audit_message import Participant, Role
    from dicom_gateway.audit.audit_settings import audit_directory

    host, title = socket.gethostname(), settings.gateway.ae_title
    command = Participant(title, host, Role.APPLICATION, False, str(os.getpid()))
    audit = AuditLog(settings.audit, audit_directory(settings.data_directory), PROCESS, command)
    try:
        yield audit
    finally:
        audit.close()


def _describe_user() -> Participant:
    from dicom_gateway.audit.audit_message import Participant

    return Participant("", socket.gethostname(), None, True, user=name_user())
