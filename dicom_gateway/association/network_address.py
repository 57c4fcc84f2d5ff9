"""IP addresses of associations, compared with those of the settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

MAPPED_V4: Final = ipaddress.ip_network("::ffff:0:0/96")


def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an address without its zone; an IPv4-mapped one (RFC 4291 2.5.5.2) is returned as IPv4."""
    try:
        parsed = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return None
    if parsed.version == 6 and parsed in MAPPED_V4 and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def is_in(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """True for an address in one of the networks."""
    parsed = parse_address(address)
    return parsed is not None and any(parsed in network for network in networks)
