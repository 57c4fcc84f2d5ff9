"""Recognition of addresses that only this machine reaches."""

from __future__ import annotations

import ipaddress


def is_own(host: str) -> bool:
    """True for an address that only this machine reaches."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
