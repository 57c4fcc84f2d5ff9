"""The validity of certificate files, and the readers of key files."""

from __future__ import annotations

import re
import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from domain.errors import PermanentError

PEM: Final = re.compile(
    r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----.+?-----END (?:TRUSTED )?CERTIFICATE-----", re.DOTALL
)

UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
VERSION: Final = 0xA0
"""DER tags of RFC 5280 4.1: the two forms of a time, and the optional first field of a certificate."""


@dataclass(frozen=True)
class Validity:
    """The validity period of a certificate, in UTC."""

    not_before: datetime
    not_after: datetime


def read_validities(path: Path) -> list[Validity]:
    """Read the validity of each certificate in a PEM file, in file order.

    Raises:
        PermanentError: when the file cannot be read or holds no valid certificate.
    """
    try:
        blocks = PEM.findall(path.read_text("ascii", "replace"))
        found = [_read_validity(ssl.PEM_cert_to_DER_cert(block)) for block in blocks]
    except OSError as error:
        raise PermanentError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, IndexError):
        raise PermanentError(f"{path} holds a certificate that cannot be read") from None
    if not found:
        raise PermanentError(f"{path} holds no PEM certificate")
    return found


def find_readers(key: Path) -> str:
    """Return who can read a key file besides its owner: "everyone", "its group" or ""."""
    mode = key.stat().st_mode
    if mode & stat.S_IROTH:
        return "everyone"
    return "its group" if mode & stat.S_IRGRP else ""


def _read_validity(certificate: bytes) -> Validity:
    """Read the validity of a DER certificate (RFC 5280 4.1): the fourth field after its version."""
    body = _open(_open(certificate, 0)[1], 0)[1]
    at = 0
    if body[0] == VERSION:
        at = _open(body, at)[2]
    for _ in ("serial number", "signature", "issuer"):
        at = _open(body, at)[2]
    validity = _open(body, at)[1]
    tag, first, end = _open(validity, 0)
    other_tag, second, _ = _open(validity, end)
    return Validity(_read_time(tag, first), _read_time(other_tag, second))


def _open(content: bytes, at: int) -> tuple[int, bytes, int]:
    """Return tag, value and end of the DER element at an offset (X.690 8.1)."""
    tag, length, begin = content[at], content[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(content[begin : begin + size], "big")
        begin += size
    return tag, content[begin : begin + length], begin + length


def _read_time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    if tag == UTC_TIME:  # two digits of the year, 1950 to 2049 (RFC 5280 4.1.2.5.1)
        text = ("20" if int(text[:2]) < 50 else "19") + text
    elif tag != GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
