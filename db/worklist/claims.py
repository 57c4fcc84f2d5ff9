"""Claims: who has a study open, so that two readers do not read it unknowingly at the same time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from db.clock import now
from db.tables import Study

TIME_OUT: Final = timedelta(seconds=60)
"""Time without a sign of the page after which a claim ends."""

RENEWAL: Final = timedelta(seconds=20)
"""Age from which a page that refreshes itself renews its claim."""


def claim(session: Session, study_id: int, reader: str) -> None:
    """Claim a study for a reader, unless another reader has a claim that has not ended.

    Args:
        session: one that writes.
        study_id: the study.
        reader: user name.
    """
    moment = now()
    session.execute(
        update(Study)
        .where(
            Study.id == study_id,
            or_(Study.opened_by.is_(None), Study.opened_by == reader, Study.opened_at < moment - TIME_OUT),
        )
        .values(opened_by=reader, opened_at=moment)
    )


def is_due(opened_by: str | None, opened_at: datetime | None, reader: str) -> bool:
    """True when a reader who has the study open should claim it, for the first time or again."""
    age = RENEWAL if opened_by == reader else TIME_OUT
    return opened_by is None or opened_at is None or opened_at < now() - age


def find_holder(opened_by: str | None, opened_at: datetime | None) -> str | None:
    """Return the reader who has a study open; None when nobody has, or the claim has ended."""
    return None if opened_at is None or opened_at < now() - TIME_OUT else opened_by
