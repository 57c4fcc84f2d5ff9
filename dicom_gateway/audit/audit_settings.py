"""Settings of audit records (PS3.15 A.5)."""

from __future__ import annotations

import socket
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dicom_gateway.association.tls_settings import PeerTlsSettings


class AuditSettings(BaseModel):
    """Audit records (PS3.15 A.5): who sent, asked for and got what. They hold patient IDs, logs do not."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    file: bool = True
    """Write them to `audit/` in the data directory, readable by this user alone."""
    file_bytes: int = Field(default=10_000_000, ge=10_000)
    """A file that has become so large is put aside and a new one begun."""
    files: int = Field(default=20, ge=1, le=10_000)
    """Most closed files kept for each kind of process; older ones are deleted."""
    syslog: str = Field(default="none", pattern="^(none|udp|tls)$")
    """Also send them to an audit record repository (RFC 5424 over RFC 5426 or 5425)."""
    syslog_host: str = ""
    """Its name or address."""
    syslog_port: int = Field(default=6514, ge=1, le=65535)
    """Its port: 6514 is registered for TLS, 514 for UDP."""
    tls: PeerTlsSettings = PeerTlsSettings()
    """Certificates for `syslog = "tls"`."""
    source: str = Field(default_factory=socket.gethostname, min_length=1)
    """Names this system in its records (Audit Source ID)."""
    site: str = ""
    """Names the hospital in its records (Audit Enterprise Site ID); empty leaves it out."""

    @model_validator(mode="after")
    def _check(self) -> AuditSettings:
        if self.syslog != "none" and not self.syslog_host:
            raise ValueError("syslog needs syslog_host")
        return self


def audit_directory(data_directory: Path) -> Path:
    """Folder of the files."""
    return data_directory / "audit"
