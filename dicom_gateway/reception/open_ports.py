"""The gateway's TCP ports, opened once: several processes may take connections from the same ones."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from dicom_gateway.settings import GatewaySettings
from domain.errors import PermanentError

WAITING: Final = 128
"""Most connections that wait to be accepted; a sender beyond them tries again only a second later."""


@dataclass(frozen=True)
class OpenPorts:
    """Listening sockets. Non-blocking: of several processes that wake up, one gets the connection."""

    plain: socket.socket | None
    tls: socket.socket | None

    @property
    def numbers(self) -> list[int]:
        """TCP ports: the plain one first."""
        return [int(port.getsockname()[1]) for port in (self.plain, self.tls) if port is not None]

    def close(self) -> None:
        """Close them in this process; others that hold them go on listening."""
        for port in (self.plain, self.tls):
            if port is not None:
                port.close()


def open_ports(settings: GatewaySettings) -> OpenPorts:
    """Open the ports that the settings name.

    Raises:
        PermanentError: when one is taken; the text says which setting names it.
    """
    plain = _open(settings.host, settings.port, "port") if settings.accept_plain else None
    try:
        tls = _open(settings.host, settings.tls.port, "tls.port") if settings.tls is not None else None
    except PermanentError:
        if plain is not None:
            plain.close()
        raise
    return OpenPorts(plain, tls)


def _open(host: str, port: int, key: str) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # An earlier process' connections may still be winding down on it.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(WAITING)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        where = f"{host}:{port}"
        raise PermanentError(f"cannot listen on {where} ({error.strerror}): set gateway.{key}") from None
    return opened
