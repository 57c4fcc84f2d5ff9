"""Opens the audit trail of a process, as the settings say."""

from __future__ import annotations

from dicom_gateway.audit.audit_settings import audit_directory
from dicom_gateway.audit.audit_trail import AuditTrail
from tbscreen.settings import Settings


def open_audit_trail(settings: Settings, process: str, ae_title: str) -> AuditTrail:
    """Return where a process of this kind and AE title records."""
    return AuditTrail(settings.audit, audit_directory(settings.data_directory), process, ae_title)
