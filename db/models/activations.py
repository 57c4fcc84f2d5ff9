"""Changes of the active bundle, with their history: user, time, previous bundle and reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.models import bundles
from db.tables import Activation
from domain.errors import PermanentError, TransientError
from domain.languages.sentence import say

Previous = TypeVar("Previous", str, int)


@dataclass(frozen=True)
class ActivationEntry:
    """One change of the active bundle."""

    bundle_digest: str
    previous_digest: str | None
    rollback: bool
    activated_at: datetime
    activated_by: str
    forced_reason: str | None
    comparison: Mapping[str, Any] | None
    """A `training.judging.comparison.Comparison` as JSON."""


def switch_to(
    session: Session,
    digest: str,
    by: str,
    *,
    instead_of: str | None,
    forced_reason: str | None = None,
    comparison: Mapping[str, Any] | None = None,
) -> None:
    """Make a registered bundle the active one, and record the change.

    Args:
        session: in a transaction.
        digest: digest of the bundle. Nothing is recorded when it is active already.
        by: the user, as user@host.
        instead_of: the bundle that was active at the time of the decision; None for none.
        forced_reason: reason for an activation against the rule.
        comparison: comparison of the candidate with `instead_of`, if any.

    Raises:
        PermanentError: when it is not registered.
        TransientError: when another bundle than `instead_of` is active.
    """
    previous = bundles.mark_active(session, digest)
    if previous not in (instead_of, digest):
        raise TransientError(say("the active bundle was changed by another user meanwhile; try again"))
    if previous != digest:
        _record(session, digest, previous, by, forced_reason=forced_reason, comparison=comparison)


def switch_back(session: Session, by: str) -> tuple[str | None, str]:
    """Make the previously active bundle active again, and record the change as a rollback.

    Two rollbacks go two bundles back.

    Returns:
        The digests of the bundle that was active until now and of the bundle that is active.

    Raises:
        PermanentError: when no bundle was active before.
    """
    target = find_previous(session)
    if target is None:
        raise PermanentError(
            say(
                "there is no bundle to roll back to: none was active before the present one; {command} "
                "activates another",
                command="'tbscreen models activate DIGEST'",
            )
        )
    before = bundles.mark_active(session, target)
    _record(session, target, before, by, rollback=True)
    return before, target


def find_previous(session: Session) -> str | None:
    """Return the digest of the bundle that a rollback would activate, or None."""
    changes = select(Activation.rollback, Activation.previous_digest).order_by(Activation.id)
    return find_target(session.execute(changes).tuples())


def find_target(changes: Iterable[tuple[bool, Previous | None]]) -> Previous | None:
    """Return the target of the next rollback, after any number of changes and rollbacks.

    Args:
        changes: oldest first: whether each is a rollback, and what was in use before it.
    """
    before: list[Previous | None] = []
    for rollback, previous in changes:
        if not rollback:
            before.append(previous)
        elif before:
            before.pop()
    return before[-1] if before else None


def list_activations(session: Session, digest: str | None = None) -> list[ActivationEntry]:
    """Return the history, of all bundles or of one, newest first."""
    wanted = select(Activation).order_by(Activation.id.desc())
    if digest is not None:
        wanted = wanted.where(Activation.bundle_digest == digest)
    return [make_entry(ActivationEntry, row) for row in session.scalars(wanted)]


def _record(
    session: Session,
    digest: str,
    previous: str | None,
    by: str,
    *,
    rollback: bool = False,
    forced_reason: str | None = None,
    comparison: Mapping[str, Any] | None = None,
) -> None:
    session.add(
        Activation(
            bundle_digest=digest,
            previous_digest=previous,
            rollback=rollback,
            activated_at=now(),
            activated_by=by,
            forced_reason=forced_reason,
            comparison=None if comparison is None else dict(comparison),
        )
    )
