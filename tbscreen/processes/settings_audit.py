"""The record of the settings in force when a process starts."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from dicom_gateway.audit.audit_log import AuditLog
from dicom_gateway.audit.audit_message import EventType
from tbscreen.settings import SECRET_KEYS, Settings


def record_settings(audit: AuditLog, settings: Settings) -> None:
    """Record the settings that differ from the defaults (Security Alert, Security Configuration)."""
    audit.record_security(EventType.SECURITY_CONFIGURATION, f"settings in force: {describe(settings)}")


def describe(settings: Settings) -> str:
    """Return the settings that differ from the defaults, as JSON without passwords."""
    chosen = settings.model_dump(mode="json", exclude_defaults=True)
    for key in SECRET_KEYS:
        if key in chosen:
            chosen[key] = hide_secrets(str(chosen[key]))
    return json.dumps(chosen, sort_keys=True)


def hide_secrets(url: str) -> str:
    """Return scheme, host and path of a URL; user, password and query may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
