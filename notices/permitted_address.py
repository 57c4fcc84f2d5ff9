"""Addresses to which no notice goes: link-local, multicast, and the metadata services of clouds.

The address is checked after the name is resolved, and the connection goes to the address that was checked.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

from domain.errors import PermanentError

METADATA: Final = frozenset(
    ipaddress.ip_address(address)
    for address in ("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "168.63.129.16")
)
"""Metadata services outside the link-local networks: Alibaba, Oracle, Amazon (IPv6), Azure."""
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenAddressError(PermanentError):
    """A receiver's name leads to an address to which nothing is sent."""


def connect(host: str, port: int, timeout_s: float) -> socket.socket:
    """Connect to the first address of a host that answers.

    Raises:
        ForbiddenAddressError: when the name leads to an address to which nothing is sent.
        OSError: when no address answers, or the name is not known.
    """
    places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, place in places:
        if is_forbidden(str(place[0])):
            raise ForbiddenAddressError(f"{host} leads to {place[0]}, to which no notice is sent")
    failure: OSError | None = None
    for *_, place in places:
        try:
            return socket.create_connection((str(place[0]), port), timeout=timeout_s)
        except OSError as error:
            failure = error
    raise failure or OSError(f"{host} has no address")


def is_forbidden(address: str) -> bool:
    """True for an address to which nothing is sent."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_forbidden(str(inner))
    return found.is_link_local or found.is_multicast or found.is_unspecified or found in METADATA
