"""Names in a certificate that was verified."""

from __future__ import annotations

from typing import Any


def list_names(certificate: Any) -> frozenset[str]:
    """Return the names (DNS, IP, common name) in a certificate, in lower case.

    Args:
        certificate: as `ssl.SSLSocket.getpeercert` returns it: empty unless it was verified.
    """
    alternative = certificate.get("subjectAltName", ())
    names = {value for kind, value in alternative if kind in ("DNS", "IP Address")}
    for part in certificate.get("subject", ()):
        names |= {value for kind, value in part if kind == "commonName"}
    return frozenset(str(name).lower() for name in names)
