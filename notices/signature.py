"""The signature of a webhook's request.

`Tbscreen-Signature: sha256=HEX` is the HMAC-SHA256 (RFC 2104), under the shared secret, of the value of
`Tbscreen-Timestamp` (seconds since 1970), a dot and the body. A receiver computes it over the bytes that it
got, compares in constant time, and refuses an old timestamp.
"""

from __future__ import annotations

import hashlib
import hmac


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of the header `Tbscreen-Signature`."""
    signed = str(timestamp).encode("ascii") + b"." + body
    return "sha256=" + hmac.new(secret.encode("utf-8"), signed, hashlib.sha256).hexdigest()
