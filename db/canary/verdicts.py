"""The last verdict on a canary film of each gateway, and whether it is an alarm now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.tables import CanaryVerdict


class Verdict(StrEnum):
    """The outcome of one canary film."""

    SAME = "same"
    """Its score is the expected one."""
    CHANGED = "changed"
    """Its score differs by more than runtime and precision explain."""
    SILENT = "silent"
    """It has no score within the deadline."""
    REFUSED = "refused"
    """It was received and not screened."""
    NOT_TAKEN = "not_taken"
    """The gateway did not take it."""


@dataclass(frozen=True)
class JudgedCanary:
    """The outcome of one canary film, with the figures behind it."""

    verdict: Verdict
    detail: str
    """One sentence, with what to do."""
    seconds: float | None = None
    bundle_digest: str | None = None
    score: float | None = None
    expected: float | None = None
    runtime: str | None = None
    precision: str | None = None
    worker: str | None = None


@dataclass(frozen=True)
class CanaryWatch:
    """The canary films of one gateway, as they are now."""

    gateway: str
    verdict: str
    detail: str
    judged_at: datetime
    good_at: datetime | None
    next_by: datetime | None
    seconds: float | None
    bundle_digest: str | None
    score: float | None
    expected: float | None
    runtime: str | None
    precision: str | None
    worker: str | None
    is_overdue: bool

    @property
    def is_alarm(self) -> bool:
        """True when the last canary film was not good, or the next one is missing."""
        return self.is_overdue or self.verdict != Verdict.SAME

    def describe(self) -> str:
        """Return one sentence."""
        if self.is_overdue:
            return (
                f"no canary film since {self.judged_at:%Y-%m-%d %H:%M} UTC, though one is due: {self.detail}"
            )
        return f"{self.detail}, {self.judged_at:%Y-%m-%d %H:%M} UTC"


def record(session: Session, gateway: str, judged: JudgedCanary, next_by: datetime | None) -> None:
    """Record a verdict in place of the gateway's last one.

    Args:
        session: one that writes.
        gateway: the gateway that received the canary film, or should have.
        judged: the outcome.
        next_by: time by which the next verdict must be here; None keeps what was expected before.
    """
    row = session.get(CanaryVerdict, gateway, with_for_update=True)
    if row is None:
        row = CanaryVerdict(gateway=gateway)
        session.add(row)
    for name, value in vars(judged).items():
        setattr(row, name, value.value if isinstance(value, Verdict) else value)
    row.judged_at = now()
    if judged.verdict is Verdict.SAME:
        row.good_at = row.judged_at
    if next_by is not None:
        row.next_by = next_by
    session.flush()


def expect_none(session: Session, gateway: str) -> None:
    """Record that a gateway sends no canary films any more."""
    session.execute(update(CanaryVerdict).where(CanaryVerdict.gateway == gateway).values(next_by=None))


def forget(session: Session, gateway: str) -> bool:
    """Delete the verdict of a gateway that is gone; False when there is none."""
    gone = delete(CanaryVerdict).where(CanaryVerdict.gateway == gateway).returning(CanaryVerdict.gateway)
    return session.execute(gone).scalar_one_or_none() is not None


def list_watches(session: Session) -> list[CanaryWatch]:
    """Return the canary films of all gateways."""
    moment = now()
    return [
        make_entry(CanaryWatch, row, is_overdue=row.next_by is not None and row.next_by < moment)
        for row in session.scalars(select(CanaryVerdict).order_by(CanaryVerdict.gateway))
    ]
