"""The validity of certificate files, and the readers of key files."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates

from domain.errors import PermanentError


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
        certificates = load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise PermanentError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise PermanentError(f"{path} holds no PEM certificate, or one that cannot be read") from None
    return [Validity(found.not_valid_before_utc, found.not_valid_after_utc) for found in certificates]


def find_readers(key: Path) -> str:
    """Return who can read a key file besides its owner: "everyone", "its group" or ""."""
    mode = key.stat().st_mode
    if mode & stat.S_IROTH:
        return "everyone"
    return "its group" if mode & stat.S_IRGRP else ""
