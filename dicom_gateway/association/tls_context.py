"""TLS contexts of the DICOM profile, from files of certificates and keys.

The profile is "BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile" (PS3.15 B.12): TLS 1.2 at
least, 1.3 where both sides have it, and of TLS 1.2 only the cipher suites that RFC 9325 4.2 recommends.
"""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import Final

import structlog

from dicom_gateway.association.tls_settings import ListenerTlsSettings, PeerTlsSettings
from domain.errors import PermanentError

CIPHER_SUITES_1_2: Final = {
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
}
"""Cipher suites of TLS 1.2 by OpenSSL's name, with the standard's (RFC 9325 4.2). Those of TLS 1.3 are
unrestricted, since all are secure."""


log = structlog.get_logger(__name__)


class RenewedContext:
    """The server's context, rebuilt when its files change, so that a renewed certificate needs no restart.

    Args:
        settings: files of certificate, key and CA.
        needs_no_certificate: True where callers may be known by a token instead.

    Raises:
        PermanentError: names the setting, the file and the reason.
    """

    def __init__(self, settings: ListenerTlsSettings, *, needs_no_certificate: bool = False) -> None:
        self._settings = settings
        if needs_no_certificate:
            self._settings = settings.model_copy(update={"require_client_certificate": False})
        files = (settings.certificate, settings.key, settings.ca, settings.crl)
        self._files = [path for path in files if path is not None]
        self._stamp = self._read_stamps()
        self._context = build_listener_context(self._settings)
        self._lock = threading.Lock()

    @property
    def handshake_timeout_s(self) -> float:
        """Longest TLS handshake of a caller, in seconds."""
        return self._settings.handshake_timeout_s

    def current(self) -> ssl.SSLContext:
        """Return the context of the current files, or of the former while the current are unusable."""
        with self._lock:
            stamp = self._read_stamps()
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._context = build_listener_context(self._settings)
                    log.info("certificates reloaded")
                except PermanentError as error:
                    log.error("new certificates not usable; the old ones stay in use", reason=str(error))
            return self._context

    def _read_stamps(self) -> list[tuple[int, int] | None]:
        stamps: list[tuple[int, int] | None] = []
        for path in self._files:
            try:
                found = path.stat()
                stamps.append((found.st_mtime_ns, found.st_ino))
            except OSError:
                stamps.append(None)
        return stamps


def build_listener_context(settings: ListenerTlsSettings) -> ssl.SSLContext:
    """Build the server's context.

    Raises:
        PermanentError: naming the setting, the file and the reason.
    """
    context = _restrict(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    _load_own(context, "gateway.tls", settings.certificate, settings.key)
    if settings.ca is not None:
        _load_ca(context, "gateway.tls", settings.ca, settings.crl)
        # A certificate that a caller presents without need must be valid, too.
        required = settings.require_client_certificate
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def build_peer_context(settings: PeerTlsSettings, section: str = "peers.tls") -> ssl.SSLContext:
    """Build the client's context.

    Args:
        settings: certificates.
        section: section of the settings that error texts name.

    Raises:
        PermanentError: naming the setting, the file and the reason.
    """
    context = _restrict(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context.check_hostname = settings.check_host_name
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # `ca` may be the peer's own certificate
    if settings.ca is not None:
        _load_ca(context, section, settings.ca, settings.crl)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if settings.certificate is not None and settings.key is not None:
        _load_own(context, section, settings.certificate, settings.key)
    return context


def _restrict(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(CIPHER_SUITES_1_2))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context


def _load_own(context: ssl.SSLContext, section: str, certificate: Path, key: Path) -> None:
    _read(f"{section}.certificate", certificate)
    if b"ENCRYPTED" in _read(f"{section}.key", key):
        raise PermanentError(
            f"{section}.key: {key} needs a passphrase; store it without one, readable by this user alone"
        )
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        reason = error.reason or "no PEM certificate and key"
        if reason == "KEY_VALUES_MISMATCH":
            reason = f"the key does not belong to {certificate}"
        raise PermanentError(f"{section}.key: {key} with {certificate}: {reason}") from None


def _load_ca(context: ssl.SSLContext, section: str, ca: Path, crl: Path | None) -> None:
    _read(f"{section}.ca", ca)
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError as error:
        raise PermanentError(f"{section}.ca: {ca} holds no PEM certificate ({error.reason})") from None
    if crl is None:
        return
    if b"BEGIN X509 CRL" not in _read(f"{section}.crl", crl):
        raise PermanentError(f"{section}.crl: {crl} holds no PEM revocation list")
    try:
        context.load_verify_locations(crl)
    except ssl.SSLError as error:
        raise PermanentError(f"{section}.crl: {crl} holds no PEM revocation list ({error.reason})") from None
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _read(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PermanentError(f"{setting}: {path} cannot be read: {error.strerror}") from None
