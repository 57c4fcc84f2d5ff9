"""Checks of certificates and keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dicom_gateway.association.certificates import find_readers, read_validities
from dicom_gateway.association.tls_context import build_listener_context, build_peer_context
from dicom_gateway.association.tls_settings import PeerTlsSettings
from dicom_gateway.hl7.mllp_connection import SECTION
from domain.errors import PermanentError
from tbscreen.doctor.check import Check, Health
from tbscreen.settings import Settings
from web.server import make_context
from web.settings import WebSettings

SOON = timedelta(days=30)


def examine_certificates(settings: Settings) -> Iterator[Check]:
    """Yield what is to be said of each certificate and key in the settings."""
    tls = settings.gateway.tls
    if tls is not None:
        part = "gateway TLS"
        try:
            build_listener_context(tls)
        except PermanentError as error:
            yield Check(part, Health.BAD, str(error), "correct the file, or the setting")
        yield _examine_certificate(part, tls.certificate)
        yield from _examine_key(part, tls.key)
        if tls.ca is not None:
            yield _examine_certificate(f"{part} CA", tls.ca)
    yield from _examine_page(settings.web)
    for peer in settings.peers:
        if peer.tls is not None:
            yield from _examine_other(f"peer {peer.name} TLS", peer.tls, "peers.tls")
    for receiver in settings.hl7.receivers:
        if receiver.tls is not None:
            yield from _examine_other(f"HL7 receiver {receiver.name} TLS", receiver.tls, SECTION)
    if settings.audit.syslog == "tls":
        yield from _examine_other("audit repository TLS", settings.audit.tls, "audit.tls")
    canary = settings.gateway.canary
    if canary.certificate is not None and canary.key is not None:
        yield _examine_certificate("canary films TLS", canary.certificate)
        yield from _examine_key("canary films TLS", canary.key)
    for name, noticed in settings.notices.receivers.items():
        if noticed.ca is not None:
            yield _examine_certificate(f"notices to {name} CA", noticed.ca)


def _examine_page(web: WebSettings) -> Iterator[Check]:
    if web.tls_certificate is None or web.tls_key is None:
        return
    try:
        make_context(web)
    except PermanentError as error:
        yield Check("page TLS", Health.BAD, str(error), "correct the file, or the setting")
    yield _examine_certificate("page TLS", web.tls_certificate)
    yield from _examine_key("page TLS", web.tls_key)


def _examine_other(part: str, tls: PeerTlsSettings, section: str) -> Iterator[Check]:
    try:
        build_peer_context(tls, section)
    except PermanentError as error:
        yield Check(part, Health.BAD, str(error), "correct the file, or the setting")
    if tls.certificate is not None:
        yield _examine_certificate(part, tls.certificate)
    if tls.key is not None:
        yield from _examine_key(part, tls.key)
    if tls.ca is not None:
        yield _examine_certificate(f"{part} CA", tls.ca)


def _examine_certificate(part: str, path: Path) -> Check:
    now = datetime.now(UTC)
    try:
        validities = read_validities(path)
    except PermanentError as error:
        return Check(part, Health.BAD, str(error), "correct the file, or the setting")
    ends = min(validity.not_after for validity in validities)
    begins = max(validity.not_before for validity in validities)
    if begins > now:
        advice = "compare this host's clock with that of the CA"
        return Check(part, Health.BAD, f"{path} holds from {begins:%Y-%m-%d %H:%M} UTC on", advice)
    finding = f"{path} holds until {ends:%Y-%m-%d}"
    if ends <= now:
        return Check(
            part, Health.BAD, f"{path} has expired on {ends:%Y-%m-%d}", "renew it; no restart is needed"
        )
    if ends - now < SOON:
        return Check(
            part, Health.NOTE, f"{finding}: {(ends - now).days} days", "renew it; no restart is needed"
        )
    return Check(part, Health.GOOD, finding)


def _examine_key(part: str, path: Path) -> Iterator[Check]:
    try:
        readers = find_readers(path)
    except OSError:
        return  # said already
    if readers:
        advice = f"chmod 600 {path}, and consider the key as known to others"
        health = Health.BAD if readers == "everyone" else Health.NOTE
        yield Check(f"{part} key", health, f"{path} can be read by {readers}", advice)
