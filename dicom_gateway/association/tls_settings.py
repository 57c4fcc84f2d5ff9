"""Settings of TLS (PS3.15 B.12) for the gateway's port and for peers."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class PeerTlsSettings(BaseModel):
    """TLS of connections to a peer or to the audit repository."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    ca: Path | None = None
    """PEM file of the CA certificates that the peer's certificate is checked with; by default those of this
    host's system. For a self-signed peer, its own certificate."""
    crl: Path | None = None
    """PEM file of the revocation lists (RFC 5280 5) of `ca`, with which the peer's certificate is checked. An
    expired list refuses every certificate."""
    certificate: Path | None = None
    """PEM file of our certificate and the intermediate certificates, for peers that require one."""
    key: Path | None = None
    """PEM file of the certificate's private key, without a passphrase, readable by this user alone."""
    check_host_name: bool = True
    """Require `peers.host` in the peer's certificate."""
    host_name: str | None = Field(default=None, min_length=1)
    """Host name in the peer's certificate, where it differs from `peers.host`."""

    @model_validator(mode="after")
    def _check(self) -> PeerTlsSettings:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        if self.crl is not None and self.ca is None:
            raise ValueError("crl needs ca")
        return self


class ListenerTlsSettings(BaseModel):
    """The gateway's port for TLS."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    certificate: Path
    """PEM file of the gateway's certificate and the intermediate certificates."""
    key: Path
    """PEM file of the certificate's private key, without a passphrase, readable by this user alone."""
    port: int = Field(default=2762, ge=0, le=65535)
    """TCP port (2762 is registered for dicom-tls); 0 takes a free port."""
    ca: Path | None = None
    """PEM file of the CA certificates that callers' certificates are checked with."""
    crl: Path | None = None
    """PEM file of the revocation lists (RFC 5280 5) of `ca`, with which callers' certificates are checked. It
    is read again when it changes. An expired list refuses every certificate."""
    require_client_certificate: bool = True
    """Require from each caller a certificate signed by `ca`."""
    handshake_timeout_s: float = Field(default=10.0, gt=0, le=300)
    """Seconds in which a caller must finish the TLS handshake; then the connection is closed."""

    @model_validator(mode="after")
    def _check(self) -> ListenerTlsSettings:
        if self.require_client_certificate and self.ca is None:
            raise ValueError("set ca, or require_client_certificate = false")
        if self.crl is not None and self.ca is None:
            raise ValueError("crl needs ca")
        return self
