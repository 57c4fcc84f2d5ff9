"""The courier of notices, beside that of DICOM objects in its process: what its loop makes and sends."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import Final, Protocol

import structlog
from sqlalchemy.orm import Session

from db.database import Database
from db.notices import notice_outbox
from db.notices.notice_outbox import DueNotice
from notices import mail, metrics, webhook
from notices.alarms import AlarmSource
from notices.notice_attempt import NoticeAttempt
from notices.notice_round import NoticeRound
from notices.notice_settings import MailSettings, NoticeSettings, WebhookSettings
from sending.outbox_loop import OutboxLoop, Pace
from sending.send_result import SendResult

IDLE_S: Final = 5.0
"""Pause between two rounds where the settings hold no rule; they only empty the outbox."""

log = structlog.get_logger(__name__)


class RetrySettings(Protocol):
    """Times of polling, retrying and leases, in seconds."""

    @property
    def poll_interval_s(self) -> float:
        """Pause between two looks for commits."""

    @property
    def retry_first_s(self) -> float:
        """Pause after the first failure."""

    @property
    def retry_most_s(self) -> float:
        """Longest pause."""

    @property
    def maximum_attempts(self) -> int:
        """Attempts after which a notice is parked."""

    @property
    def lease_s(self) -> float:
        """Longest time for which a batch is sent."""


class PatientDataAudit(Protocol):
    """Records attempts to send notices with patient data."""

    def __call__(self, number: int, receiver: str, host: str, result: SendResult, reason: str) -> None:
        """Record an attempt to send the notice of this number to a receiver."""


class NoticeCourier:
    """Makes and sends notices until told to end; receivers have threads of their own and delay no other.

    Args:
        database: events and notices.
        settings: receivers and rules.
        retry: times of polling, retrying and leases.
        sources: find the alarms that no transaction records.
        audit: records notices with patient data; None for no audit.
    """

    def __init__(
        self,
        database: Database,
        settings: NoticeSettings,
        retry: RetrySettings,
        sources: Sequence[AlarmSource] = (),
        audit: PatientDataAudit | None = None,
    ) -> None:
        self._round = NoticeRound(database, settings, sources)
        self._pause_s = retry.poll_interval_s if settings.rules else IDLE_S
        receivers = settings.receivers
        pace = Pace(
            retry.poll_interval_s,
            retry.retry_first_s,
            retry.retry_most_s,
            retry.maximum_attempts,
            retry.lease_s,
            answer_s=lambda name: 3 * receivers[name].timeout_s if name in receivers else 0.0,
        )
        self._loop = OutboxLoop(database, NoticeOutbox(settings, audit), list(receivers), pace)

    def run(self, ending: threading.Event) -> None:
        """Work until `ending` is set."""
        self._loop.run(ending, self._round.make_due, lambda made: 0.0 if made else self._pause_s)


class NoticeOutbox:
    """The table of notices, for the loop that sends them (`sending.outbox_loop.Outbox`).

    Args:
        settings: receivers.
        audit: records notices with patient data; None for no audit.
    """

    def __init__(self, settings: NoticeSettings, audit: PatientDataAudit | None) -> None:
        self._receivers = settings.receivers
        self._audit = audit

    def list_due(self, session: Session, receivers: Sequence[str]) -> list[str]:
        """Return those of `receivers` for which a notice is due."""
        return notice_outbox.list_due_receivers(session, receivers)

    def list_strangers(self, session: Session, receivers: Collection[str]) -> list[str]:
        """Return the receivers outside `receivers` for which a notice is due."""
        return notice_outbox.list_strangers(session, receivers)

    def lease(self, session: Session, lease: timedelta, limit: int, receiver: str) -> list[DueNotice]:
        """Take due notices."""
        return notice_outbox.lease_due(session, lease, limit, receiver)

    def is_stored(self, session: Session, row: DueNotice) -> bool:
        """True unless a leased row was erased."""
        return notice_outbox.is_stored(session, row)

    def hand_back(self, session: Session, numbers: Sequence[int]) -> None:
        """Make notices that were not tried due again."""
        notice_outbox.hand_back(session, numbers)

    def send(self, receiver: str, rows: Sequence[DueNotice]) -> Iterator[NoticeAttempt]:
        """Send notices by the receiver's protocol."""
        return send(self._receivers[receiver], rows)

    def judge(self, row: DueNotice, result: SendResult, reason: str) -> NoticeAttempt:
        """Return an attempt that reached no receiver."""
        return NoticeAttempt(row, result, reason)

    def mark_delivered(self, session: Session, attempts: Sequence[NoticeAttempt]) -> None:
        """Record that the receiver has accepted notices."""
        for attempt in attempts:
            notice_outbox.mark_delivered(session, attempt.row.number)

    def park(self, session: Session, attempt: NoticeAttempt) -> None:
        """Record a permanent failure."""
        notice_outbox.park(session, attempt.row.number, attempt.reason)

    def retry_later(self, session: Session, attempt: NoticeAttempt, delay: timedelta) -> None:
        """Record a transient failure."""
        notice_outbox.retry_later(session, attempt.row.number, delay, attempt.reason)

    def record_stage(self, attempt: NoticeAttempt, started_ns: int) -> None:
        """Record nothing: traces follow films."""

    def tell(self, attempt: NoticeAttempt, pause_s: float | None) -> None:
        """Log and count an attempt."""
        notice_log = _log(attempt)
        if attempt.result is SendResult.DELIVERED:
            notice_log.info("notice delivered", attempt=attempt.row.attempts, remark=attempt.reason or None)
        elif pause_s is None:
            notice_log.error("notice parked", reason=attempt.reason, help="tbscreen notices list")
        else:
            notice_log.warning("notice postponed", reason=attempt.reason, seconds=round(pause_s, 1))
        metrics.ATTEMPTS.labels(attempt.row.receiver, attempt.result.name.lower()).inc()
        receiver = self._receivers.get(attempt.row.receiver)
        if self._audit is not None and receiver is not None and "patient" in attempt.row.content:
            self._audit(attempt.row.number, receiver.name, receiver.place, attempt.result, attempt.reason)

    def tell_trouble(self, attempt: NoticeAttempt, pause_s: float | None) -> None:
        """Log that a receiver is in trouble, or back."""
        if pause_s is None:
            _log(attempt).info("receiver is back")
        else:
            _log(attempt).warning("receiver in trouble: notices paused", seconds=round(pause_s, 1))


def send(receiver: WebhookSettings | MailSettings, rows: Sequence[DueNotice]) -> Iterator[NoticeAttempt]:
    """Send notices to a receiver in order; yield each attempt at once."""
    if isinstance(receiver, WebhookSettings):
        return webhook.send(receiver, rows)
    return mail.send(receiver, rows)


def _log(attempt: NoticeAttempt) -> structlog.stdlib.BoundLogger:
    bound: structlog.stdlib.BoundLogger = log.bind(
        notice=attempt.row.content["id"], receiver=attempt.row.receiver
    )
    return bound
