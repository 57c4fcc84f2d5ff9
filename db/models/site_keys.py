"""Public keys whose signatures of bundles are trusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.tables import SiteKey
from domain.errors import PermanentError


@dataclass(frozen=True)
class SiteKeyEntry:
    """One public key."""

    public_key: str
    """64 hexadecimal digits."""
    name: str
    trusted_at: datetime
    trusted_by: str
    reason: str
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_reason: str | None


def trust(session: Session, public_key: str, name: str, by: str, reason: str) -> None:
    """Trust a public key.

    Raises:
        PermanentError: when it is trusted already, or was revoked.
    """
    row = session.get(SiteKey, public_key, with_for_update=True)
    if row is not None:
        state = "was revoked: make a new one" if row.revoked_at else "is trusted already"
        raise PermanentError(f"the key {public_key[:12]} ({row.name}) {state}")
    session.add(SiteKey(public_key=public_key, name=name, trusted_at=now(), trusted_by=by, reason=reason))


def revoke(session: Session, word: str, by: str, reason: str) -> SiteKeyEntry:
    """Trust a public key no more, and so no bundle that it alone has signed.

    Args:
        session: one that writes.
        word: its first hexadecimal digits, or its name.
        by: the user, as user@host.
        reason: kept with it.

    Raises:
        PermanentError: when `word` names no trusted key, or several.
    """
    rows = session.scalars(select(SiteKey).where(SiteKey.revoked_at.is_(None)).with_for_update())
    matching = [row for row in rows if row.public_key.startswith(word) or row.name == word]
    if len(matching) != 1:
        raise PermanentError(f"{len(matching)} trusted keys are {word!r}; see 'tbscreen keys list'")
    (row,) = matching
    row.revoked_at, row.revoked_by, row.revoked_reason = now(), by, reason
    return make_entry(SiteKeyEntry, row)


def list_site_keys(session: Session) -> list[SiteKeyEntry]:
    """Return all public keys, revoked ones too, oldest first."""
    rows = session.scalars(select(SiteKey).order_by(SiteKey.trusted_at, SiteKey.public_key))
    return [make_entry(SiteKeyEntry, row) for row in rows]
