"""The studies that come next in a reader's list: which are passed over, and the films of the first ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import Study
from db.worklist import claims, films_to_see

FETCHED: Final = 2
"""Studies whose films are fetched ahead."""


@dataclass(frozen=True)
class StudiesAhead:
    """Studies by their keys."""

    passed: Sequence[int]
    """Studies to pass over: read, gone, or open at another reader's."""
    films: Mapping[int, Sequence[int]]
    """Films (instance ids) of the first studies that are left."""


def look_ahead(session: Session, keys: Sequence[int], reader: str) -> StudiesAhead:
    """Return which of the unread studies that come next were read meanwhile, and the films to fetch.

    Args:
        session: one that reads.
        keys: studies that were unread when the list was shown, in its order.
        reader: the user who reads.
    """
    rows = session.execute(
        select(Study.id, Study.is_read, Study.opened_by, Study.opened_at).where(Study.id.in_(keys))
    )
    free = {
        row.id
        for row in rows
        if not row.is_read and claims.find_holder(row.opened_by, row.opened_at) in (None, reader)
    }
    left = [key for key in keys if key in free]
    return StudiesAhead(
        [key for key in keys if key not in free],
        {
            key: [
                film.instance_id
                for film in films_to_see.list_films_to_see(session, key)
                if film.has_rendition
            ]
            for key in left[:FETCHED]
        },
    )
