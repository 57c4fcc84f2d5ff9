"""Tokens of films that a page has drawn: a read must bring the token of each film of its study.

A token comes with a film's picture and is sent back with the read, after the script has drawn the film. It
belongs to the session and to the film; only this server can make it, because its key is derived from the
session's cookie, which scripts cannot read.
"""

from __future__ import annotations

import re
from typing import Final

from domain.secret_words import derive_film_token, is_same

HEADER: Final = "X-Film-Token"
"""Header of a picture with its token."""

MOST: Final = 500
"""Most tokens of one read."""

TOKEN: Final = re.compile(r"([0-9]{1,10})\.([0-9a-f]{64})", re.ASCII)


def sign(secret: str, instance_id: int) -> str:
    """Return the token of a film for the session with this secret."""
    return f"{instance_id}.{derive_film_token(secret, instance_id)}"


def verify(secret: str, tokens: str) -> frozenset[int]:
    """Return the films (instance ids) whose tokens are in a text; those of other sessions are left out.

    Args:
        secret: of the session.
        tokens: separated by spaces, at most `MOST`; further ones are not read.
    """
    found = (TOKEN.fullmatch(token) for token in tokens.split()[:MOST])
    return frozenset(
        int(match[1])
        for match in found
        if match is not None and is_same(match[2], derive_film_token(secret, int(match[1])))
    )
