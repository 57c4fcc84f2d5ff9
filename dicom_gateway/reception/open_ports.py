"""The gateway's TCP ports, which are opened once and may be shared by several processes."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from dicom_gateway.settings import GatewaySettings
from domain.errors import PermanentError

WAITING: Final = 128
"""Most connections waiting to be accepted; a further sender tries again only after a second."""


@dataclass(frozen=True)
class OpenPorts:
    """Listening sockets. They are non-blocking, since only one of the processes woken gets the connection."""

    plain: socket.socket | None
    tls: socket.socket | None
    dicomweb: socket.socket | None = None

    @property
    def numbers(self) -> list[int]:
        """TCP ports for DICOM, the plain port first."""
        return [int(port.getsockname()[1]) for port in (self.plain, self.tls) if port is not None]

    def close(self) -> None:
        """Close the sockets in this process; other processes keep listening."""
        for port in (self.plain, self.tls, self.dicomweb):
            if port is not None:
                port.close()


def open_ports(settings: GatewaySettings) -> OpenPorts:
    """Open the ports that the settings name.

    Raises:
        PermanentError: when a port cannot be opened; the text names its setting.
    """
    web = settings.dicomweb
    wanted = (
        (settings.host, settings.port, "port") if settings.accept_plain else None,
        (settings.host, settings.tls.port, "tls.port") if settings.tls is not None else None,
        (web.host, web.port, "dicomweb.port") if web is not None else None,
    )
    opened: list[socket.socket | None] = []
    try:
        for place in wanted:
            opened.append(None if place is None else _open(*place))
    except PermanentError:
        for port in opened:
            if port is not None:
                port.close()
        raise
    return OpenPorts(*opened)


def _open(host: str, port: int, key: str) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Closed connections of an earlier process may still occupy the port.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(WAITING)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        address = f"{host}:{port}"
        raise PermanentError(f"cannot listen on {address} ({error.strerror}): set gateway.{key}") from None
    return opened
