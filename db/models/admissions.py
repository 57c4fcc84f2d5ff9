"""Golden scores of bundles, their signatures, and the reasons why they are trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.tables import BundleAdmission, BundleSignature
from domain.bundle.seal import Signature
from domain.codes import GoldenOrigin, Trust


@dataclass(frozen=True)
class AdmissionEntry:
    """Facts about one bundle beside its files; None where they are not known."""

    golden_scores: Sequence[float] | None = None
    golden_origin: str | None = None
    trust: str | None = None
    """The reason why it is trusted without a signature, a `Trust`."""
    trust_reason: str | None = None
    trusted_at: datetime | None = None
    trusted_by: str | None = None


def find(session: Session, digest: str) -> AdmissionEntry:
    """Return what is known of a bundle beside its files."""
    row = session.get(BundleAdmission, digest)
    return AdmissionEntry() if row is None else make_entry(AdmissionEntry, row)


def find_golden_scores(session: Session, digest: str) -> tuple[float, ...]:
    """Return the golden scores of a bundle; empty where they are not known."""
    return tuple(find(session, digest).golden_scores or ())


def keep_golden_scores(session: Session, digest: str, scores: Sequence[float], origin: GoldenOrigin) -> None:
    """Keep the golden scores of a registered bundle.

    Those of its seal take the place of others; those of an examination never do.
    """
    row = _open(session, digest)
    if row.golden_scores is None or origin is GoldenOrigin.SEAL:
        row.golden_scores = list(scores)
        row.golden_origin = origin.value


def trust(session: Session, digest: str, why: Trust, by: str, reason: str | None = None) -> None:
    """Trust a registered bundle, from now on and without a signature. A trusted bundle stays as it is."""
    row = _open(session, digest)
    if row.trust is None:
        row.trust, row.trust_reason, row.trusted_at, row.trusted_by = why.value, reason, now(), by


def keep_signature(session: Session, digest: str, signature: Signature) -> None:
    """Keep a signature of a registered bundle, whoever's it is; it takes the place of an older one."""
    session.merge(BundleSignature(digest=digest, **signature.model_dump()))


def list_signatures(session: Session, digest: str) -> list[Signature]:
    """Return the signatures of a bundle, oldest first."""
    rows = session.scalars(
        select(BundleSignature).where(BundleSignature.digest == digest).order_by(BundleSignature.signed_at)
    )
    return [
        Signature(public_key=row.public_key, signature=row.signature, signed_at=row.signed_at) for row in rows
    ]


def _open(session: Session, digest: str) -> BundleAdmission:
    row = session.get(BundleAdmission, digest, with_for_update=True)
    if row is None:
        row = BundleAdmission(digest=digest)
        session.add(row)
        session.flush()
    return row
