"""Check that the ports of a service are free before any of its processes starts."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from domain.errors import PermanentError
from tbscreen.doctor.gateway_process import find_listener
from tbscreen.monitoring.monitoring_settings import PROCESSES
from tbscreen.settings import Settings


def check_ports(settings: Settings) -> None:
    """Open and close every port that the settings name.

    Raises:
        PermanentError: naming each port that cannot be opened, its setting, and who listens there.
    """
    troubles = [
        trouble for host, port, key in _list_ports(settings) if (trouble := _find_trouble(host, port, key))
    ]
    if troubles:
        raise PermanentError("\n".join(troubles))


def _list_ports(settings: Settings) -> Iterator[tuple[str, int, str]]:
    gateway, web, monitoring = settings.gateway, settings.web, settings.monitoring
    if gateway.accept_plain:
        yield gateway.host, gateway.port, "gateway.port"
    if gateway.tls is not None:
        yield gateway.host, gateway.tls.port, "gateway.tls.port"
    if gateway.dicomweb is not None:
        yield gateway.dicomweb.host, gateway.dicomweb.port, "gateway.dicomweb.port"
    results = settings.hl7.results
    if results.port:
        yield results.host, results.port, "hl7.results.port"
    yield web.host, web.port, "web.port"
    for process in PROCESSES:
        port = monitoring.port(process)
        if port is not None:
            yield monitoring.host, port, f"monitoring.{process}_port"


def _find_trouble(host: str, port: int, key: str) -> str | None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            occupant = find_listener(port) if port else None
            there = "" if occupant is None else f"; {occupant} listens there"
            return f"cannot listen on {host}:{port} ({error.strerror}{there}): set {key}"
    return None
