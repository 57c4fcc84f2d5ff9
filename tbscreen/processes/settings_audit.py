"""The record of the settings in force when a process starts."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from dicom_gateway.audit.audit_log import AuditLog
from dicom_gateway.audit.audit_message import EventType
from tbscreen.settings import Settings


def record_settings(audit: AuditLog, settings: Settings) -> None:
    """Record the settings that differ from the defaults (Security Alert, Security Configuration)."""
    audit.record_security(EventType.SECURITY_CONFIGURATION, f"settings in force: {describe(settings)}")


def describe(settings: Settings) -> str:
    """Return the settings that differ from the defaults, as JSON without passwords."""
    return json.dumps(hide_all(settings.model_dump(mode="json", exclude_defaults=True)), sort_keys=True)


def hide_all(value: Any) -> Any:
    """Return a value of JSON with user, password and query taken out of each URL."""
    if isinstance(value, str):
        return hide_secrets(value) if "://" in value else value
    if isinstance(value, list):
        return [hide_all(item) for item in value]
    if isinstance(value, dict):
        return {key: hide_all(item) for key, item in value.items()}
    return value


def hide_secrets(url: str) -> str:
    """Return scheme, host and path of a URL; user, password and query may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
