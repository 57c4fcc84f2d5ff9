"""The tables of users, browser sessions, API tokens and failed logins.

Passwords and tokens are stored as hashes only.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.tables.record import DIGEST_LENGTH, Record


class User(Record):
    """One user of the page."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(512))
    """Argon2id with its parameters and salt, as its encoded form (RFC 9106)."""
    disabled: Mapped[bool] = mapped_column(default=False, server_default=false())
    blinded: Mapped[bool | None]
    """True for a reader who reads blinded, False for one who does not; NULL: as the site's setting says."""
    language: Mapped[str | None] = mapped_column(String(16))
    """Code of the page's language (RFC 5646), as the user chose it; NULL: as site and browser say."""
    created_at: Mapped[datetime]
    password_changed_at: Mapped[datetime]


class WebSession(Record):
    """One session of a browser that logged in."""

    __tablename__ = "web_sessions"

    token_hash: Mapped[str] = mapped_column(String(DIGEST_LENGTH), primary_key=True)
    """SHA-256 of the value of the browser's cookie."""
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    user: Mapped[User] = relationship()


class ApiToken(Record):
    """One token with which a program acts in a user's name."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    label: Mapped[str] = mapped_column(String(64))
    token_hash: Mapped[str] = mapped_column(String(DIGEST_LENGTH), unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()


class LoginAttempt(Record):
    """Failed logins in one user's name or from one address, and the pause before the next try."""

    __tablename__ = "login_attempts"

    subject: Mapped[str] = mapped_column(String(80), primary_key=True)
    """`user:` or `address:` and a SHA-256, because the text typed as a name may be a password."""
    failures: Mapped[int]
    failed_at: Mapped[datetime] = mapped_column(index=True)
    paused_until: Mapped[datetime | None]
