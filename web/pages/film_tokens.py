"""Tokens of films that a page has drawn: a read must bring the token of each film of its study.

A token comes with a film's picture and is sent back with the read, after the script has drawn the film. It
belongs to the session, the study and the film; only this server can make it, because its key is derived from
the session's cookie, which scripts cannot read. The study is named by its UID: SQLite gives the numbers of an
erased patient's study and films to those that come next.
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


def sign(secret: str, study_instance_uid: str, instance_id: int) -> str:
    """Return the token of a study's film for the session with this secret."""
    return f"{instance_id}.{derive_film_token(secret, study_instance_uid, instance_id)}"


def verify(secret: str, study_instance_uid: str, tokens: str) -> frozenset[int]:
    """Return the films (instance ids) whose tokens are in a text; others' are left out.

    Args:
        secret: of the session.
        study_instance_uid: the study.
        tokens: separated by spaces, at most `MOST`; further ones are not read.
    """
    found = (TOKEN.fullmatch(token) for token in tokens.split()[:MOST])
    return frozenset(
        int(match[1])
        for match in found
        if match is not None
        and is_same(match[2], derive_film_token(secret, study_instance_uid, int(match[1])))
    )
