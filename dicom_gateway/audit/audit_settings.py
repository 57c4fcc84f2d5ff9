"""Settings of audit records (PS3.15 A.5)."""

from __future__ import annotations

import socket
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dicom_gateway.association.tls_settings import PeerTlsSettings


class AuditSettings(BaseModel):
    """Audit records (PS3.15 A.5) of films sent, queried and received. They hold patient IDs; logs do not."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    file: bool = True
    """Write the records to `audit/` in the data directory, readable by this user alone."""
    file_bytes: int = Field(default=10_000_000, ge=10_000)
    """Size in bytes at which a file is closed and a new one begun."""
    files: int = Field(default=20, ge=1, le=10_000)
    """Number of closed files kept for each kind of process; older ones are deleted."""
    syslog: str = Field(default="none", pattern="^(none|udp|tls)$")
    """Also send the records to an audit record repository: `none`, `udp` (RFC 5426) or `tls` (RFC 5425)."""
    syslog_host: str = ""
    """Host name or address of the repository."""
    syslog_port: int = Field(default=6514, ge=1, le=65535)
    """Port of the repository; 6514 is registered for TLS, 514 for UDP."""
    tls: PeerTlsSettings = PeerTlsSettings()
    """Certificates for `syslog = "tls"`."""
    source: str = Field(default_factory=socket.gethostname, min_length=1)
    """Name of this system in its records (Audit Source ID)."""
    site: str = ""
    """Name of the hospital in the records (Audit Enterprise Site ID); empty leaves it out."""

    @model_validator(mode="after")
    def _check(self) -> AuditSettings:
        if self.syslog != "none" and not self.syslog_host:
            raise ValueError("syslog needs syslog_host")
        return self


def audit_directory(data_directory: Path) -> Path:
    """Return the folder of the audit files."""
    return data_directory / "audit"
