"""The tables of canary films, of their expected scores, and of the last verdict of each gateway."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.record import DIGEST_LENGTH, UID_LENGTH, Record


class Canary(Record):
    """One canary film on its way. Its row is deleted with its file as soon as it is judged."""

    __tablename__ = "canaries"

    id: Mapped[int] = mapped_column(primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH), unique=True)
    film_digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    """SHA-256 of the drawn film's dataset, as it is sent."""
    gateway: Mapped[str] = mapped_column(String(128), index=True)
    issued_at: Mapped[datetime]
    deadline_at: Mapped[datetime]
    received_at: Mapped[datetime | None]
    spool_path: Mapped[str | None] = mapped_column(String(256), index=True)
    taken_at: Mapped[datetime | None]
    """Time at which its gateway began to prepare it."""
    queued_at: Mapped[datetime | None]
    bundle_digest: Mapped[str | None] = mapped_column(ForeignKey("models.digest"))
    """The active bundle when it was dispatched."""
    attempts: Mapped[int] = mapped_column(default=0)
    """Predictions that were begun."""
    failure: Mapped[str | None] = mapped_column(Text)
    """The reason why it is not scored; NULL while it may be."""
    score: Mapped[float | None]
    runtime: Mapped[str | None] = mapped_column(String(16))
    precision: Mapped[str | None] = mapped_column(String(16))
    worker: Mapped[str | None] = mapped_column(String(128))
    scored_at: Mapped[datetime | None]


class CanaryScore(Record):
    """The score that a bundle is expected to give the drawn film. Never changed or deleted."""

    __tablename__ = "canary_scores"

    id: Mapped[int] = mapped_column(primary_key=True)
    bundle_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    drawing: Mapped[int]
    """Version of the drawn film."""
    revision: Mapped[int]
    """1 for the first score of the bundle; a person accepts each further one. The highest counts."""
    score: Mapped[float]
    runtime: Mapped[str] = mapped_column(String(16))
    precision: Mapped[str] = mapped_column(String(16))
    pinned_at: Mapped[datetime]
    pinned_by: Mapped[str] = mapped_column(String(256))
    reason: Mapped[str] = mapped_column(Text)

    __table_args__ = (UniqueConstraint("bundle_digest", "drawing", "revision"),)


class CanaryVerdict(Record):
    """The last verdict on a canary film of each gateway."""

    __tablename__ = "canary_verdicts"

    gateway: Mapped[str] = mapped_column(String(128), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16))
    """See `db.canary.verdicts.Verdict`."""
    detail: Mapped[str] = mapped_column(Text)
    judged_at: Mapped[datetime]
    good_at: Mapped[datetime | None]
    """Time of the last good verdict."""
    next_by: Mapped[datetime | None]
    """Time by which the next verdict must be here; NULL: none is expected."""
    seconds: Mapped[float | None]
    """Time from sending to score."""
    bundle_digest: Mapped[str | None] = mapped_column(ForeignKey("models.digest"))
    score: Mapped[float | None]
    expected: Mapped[float | None]
    runtime: Mapped[str | None] = mapped_column(String(16))
    precision: Mapped[str | None] = mapped_column(String(16))
    worker: Mapped[str | None] = mapped_column(String(128))
