"""Comparisons of two bundles on labelled films, stored for later activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.tables import ComparisonRecord


def record(
    session: Session, candidate_digest: str, reference_digest: str, by: str, result: Mapping[str, Any]
) -> None:
    """Store one comparison.

    Args:
        session: in a transaction.
        candidate_digest: digest of a registered bundle.
        reference_digest: digest of the registered bundle that it was compared with.
        by: the user, as user@host.
        result: a `training.judging.comparison.Comparison` as JSON.
    """
    session.add(
        ComparisonRecord(
            candidate_digest=candidate_digest,
            reference_digest=reference_digest,
            compared_at=now(),
            compared_by=by,
            result=dict(result),
        )
    )


def find_newest(session: Session, candidate_digest: str, reference_digest: str) -> dict[str, Any] | None:
    """Return the newest comparison of two bundles, in either role, or None.

    Its fields `candidate` and `reference` name the roles.
    """
    pairs = [(candidate_digest, reference_digest), (reference_digest, candidate_digest)]
    row = session.scalar(
        select(ComparisonRecord)
        .where(
            ComparisonRecord.candidate_digest.in_([pair[0] for pair in pairs]),
            ComparisonRecord.reference_digest.in_([pair[1] for pair in pairs]),
            ComparisonRecord.candidate_digest != ComparisonRecord.reference_digest,
        )
        .order_by(ComparisonRecord.id.desc())
        .limit(1)
    )
    return None if row is None else dict(row.result)
