"""Audit records of commands that change accounts, bundles or site keys."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

from tbscreen.terminal.invocation import name_user

if TYPE_CHECKING:
    from dicom_gateway.audit.audit_message import EventType
    from tbscreen.settings import Settings

PROCESS: Final = "command"


def record_change(settings: Settings, kind: EventType, change: str) -> None:
    """Record a change by a command (Security Alert).

    Args:
        settings: settings of audit records.
        kind: kind of the change.
        change: the change, without secrets.
    """
    from dicom_gateway.audit.audit_log import AuditLog
    from dicom_gateway.audit.audit_message import Participant, Role
    from dicom_gateway.audit.audit_settings import audit_directory

    host = socket.gethostname()
    command = Participant(settings.gateway.ae_title, host, Role.APPLICATION, False, str(os.getpid()))
    audit = AuditLog(settings.audit, audit_directory(settings.data_directory), PROCESS, command)
    try:
        audit.record_security(kind, change, Participant("", host, None, True, user=name_user()))
    finally:
        audit.close()
