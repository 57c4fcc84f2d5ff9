"""Secrets of receivers: one line in a file, or an environment variable; read for each batch."""

from __future__ import annotations

import os
from pathlib import Path

from domain.errors import TransientError


class NoSecretError(TransientError):
    """A secret is missing. Transient: notices wait until a person mends it."""


def read_secret(setting: str, file: Path | None, variable: str | None, shortest: int = 1) -> str:
    """Return a secret.

    Args:
        setting: what is read, as errors name it.
        file: that holds it, or None.
        variable: that holds it, where there is no file.
        shortest: characters that it must have.

    Raises:
        NoSecretError: names setting and file or variable, never the secret.
    """
    if file is not None:
        place = str(file)
        try:
            text = file.read_bytes()[:4097].decode("utf-8").strip()
        except OSError as error:
            raise NoSecretError(f"{setting}: {file} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            text = ""
    else:
        place = f"the variable {variable}"
        text = os.environ.get(variable or "", "").strip()
    if len(text) < shortest or not text.isprintable():
        raise NoSecretError(f"{setting}: {place} holds no line of {shortest} characters or more")
    return text
