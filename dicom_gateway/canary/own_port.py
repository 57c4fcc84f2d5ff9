"""The gateway's own port, as a peer that the gateway calls."""

from __future__ import annotations

from typing import Final

from dicom_gateway.association.network_address import parse_address
from dicom_gateway.association.tls_settings import PeerTlsSettings
from dicom_gateway.settings import GatewaySettings, PeerSettings
from domain.errors import PermanentError

EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104  compared with, not bound


def describe_own_port(settings: GatewaySettings, port: int, *, encrypted: bool) -> PeerSettings:
    """Return a gateway's port as a peer.

    Over TLS, the gateway's own certificate is shown as the caller's, and is known as its own.

    Args:
        settings: of the gateway.
        port: the TCP port; with 0 in the settings the one that it took.
        encrypted: whether it is the port of `[gateway.tls]`.
    """
    tls = None
    if encrypted and settings.tls is not None:
        own, canary = settings.tls, settings.canary
        certificate, key = canary.certificate or own.certificate, canary.key or own.key
        tls = PeerTlsSettings(ca=own.certificate, certificate=certificate, key=key, check_host_name=False)
    host = "127.0.0.1" if settings.host in EVERYWHERE else settings.host
    return PeerSettings(name="gateway", ae_title=settings.ae_title, host=host, port=port, tls=tls)


def find_own_port(settings: GatewaySettings) -> PeerSettings:
    """Return the port of the settings that canary films are sent to, the plain one if it is open.

    Raises:
        PermanentError: when it is not known, or not reached by the loopback address.
    """
    encrypted = not settings.accept_plain
    port = settings.tls.port if encrypted and settings.tls is not None else settings.port
    if not port:
        raise PermanentError("a port that is 0, any free one, cannot be called: give the gateway a port")
    peer = describe_own_port(settings, port, encrypted=encrypted)
    address = parse_address(peer.host)
    if peer.host != "localhost" and (address is None or not address.is_loopback):
        raise PermanentError(
            f"gateway.host = {settings.host} has no loopback address, by which alone canary films come: set "
            "gateway.host to 0.0.0.0, or gateway.canary.every_minutes to 0"
        )
    return peer
