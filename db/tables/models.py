"""The tables of bundles: files, admissions, signatures, activations, comparisons, site thresholds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.record import DIGEST_LENGTH, Record, index_where


class Model(Record):
    """A registered bundle; at most one is active, and at most one other runs in its shadow."""

    __tablename__ = "models"

    digest: Mapped[str] = mapped_column(String(DIGEST_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    version: Mapped[str] = mapped_column(String(64))
    trained: Mapped[bool]
    normalization_version: Mapped[str] = mapped_column(String(64))
    manifest: Mapped[dict[str, Any]]
    registered_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    active: Mapped[bool] = mapped_column(default=False)
    shadow: Mapped[bool] = mapped_column(default=False, server_default=false())
    """True for the bundle that scores every film after the active one; its results are not reported."""

    __table_args__ = (
        index_where("active", "uq_models_one_active", "active", unique=True),
        index_where("shadow", "uq_models_one_shadow", "shadow", unique=True),
    )


class BundleChunk(Record):
    """A piece of one file of a bundle, for worker hosts that share no disk."""

    __tablename__ = "bundle_chunks"

    digest: Mapped[str] = mapped_column(ForeignKey("models.digest"), primary_key=True)
    file: Mapped[str] = mapped_column(String(128), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]


class Activation(Record):
    """One change of the active bundle: user, time and reasons."""

    __tablename__ = "activations"

    id: Mapped[int] = mapped_column(primary_key=True)
    bundle_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    previous_digest: Mapped[str | None] = mapped_column(ForeignKey("models.digest"))
    """The bundle that was active until then."""
    rollback: Mapped[bool] = mapped_column(default=False)
    activated_at: Mapped[datetime]
    activated_by: Mapped[str] = mapped_column(String(256))
    forced_reason: Mapped[str | None] = mapped_column(Text)
    comparison: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Candidate against previous bundle, a `training.judging.comparison.Comparison` as JSON."""


class BundleAdmission(Record):
    """The golden scores of a bundle, and why it is trusted. They lie beside the bundle, not in it."""

    __tablename__ = "bundle_admissions"

    digest: Mapped[str] = mapped_column(ForeignKey("models.digest"), primary_key=True)
    golden_scores: Mapped[list[float] | None]
    """Scores of the first golden arrays, in their order; None until they are known."""
    golden_origin: Mapped[str | None] = mapped_column(String(16))
    """A `domain.codes.GoldenOrigin`."""
    trust: Mapped[str | None] = mapped_column(String(16))
    """A `domain.codes.Trust`; None: trusted as long as a trusted site key has signed it."""
    trust_reason: Mapped[str | None] = mapped_column(Text)
    trusted_at: Mapped[datetime | None]
    trusted_by: Mapped[str | None] = mapped_column(String(256))


class BundleSignature(Record):
    """A site key's signature of a bundle and its golden scores."""

    __tablename__ = "bundle_signatures"

    digest: Mapped[str] = mapped_column(ForeignKey("models.digest"), primary_key=True)
    public_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Hexadecimal Ed25519 public key, which need not be trusted."""
    signature: Mapped[str] = mapped_column(String(128))
    signed_at: Mapped[datetime]


class SiteKey(Record):
    """A public key whose signatures of bundles are trusted until it is revoked. Never deleted."""

    __tablename__ = "site_keys"

    public_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    trusted_at: Mapped[datetime]
    trusted_by: Mapped[str] = mapped_column(String(256))
    reason: Mapped[str] = mapped_column(Text)
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(256))
    revoked_reason: Mapped[str | None] = mapped_column(Text)


class ComparisonRecord(Record):
    """Two bundles compared on labelled films by `tbscreen models compare`."""

    __tablename__ = "comparisons"

    id: Mapped[int] = mapped_column(primary_key=True)
    candidate_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    reference_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    compared_at: Mapped[datetime]
    compared_by: Mapped[str] = mapped_column(String(256))
    result: Mapped[dict[str, Any]]

    __table_args__ = (Index("ix_comparisons_pair", "candidate_digest", "reference_digest"),)


class SiteThreshold(Record):
    """An operating point that a site derived from its own reads for one bundle. Never changed or deleted."""

    __tablename__ = "calibrations"

    id: Mapped[int] = mapped_column(primary_key=True)
    bundle_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    name: Mapped[str] = mapped_column(String(64))
    """Of its operating point, as "local_20260630"."""
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(256))
    record: Mapped[dict[str, Any]]
    """Thresholds with the figures from which they were derived."""
    signature: Mapped[str] = mapped_column(String(64))
    """Hexadecimal HMAC-SHA256 over all of the above."""
    active: Mapped[bool] = mapped_column(default=False)
    """True for the site threshold that applies to new films of its bundle."""

    __table_args__ = (
        UniqueConstraint("bundle_digest", "name"),
        index_where("active", "uq_calibrations_one_active", "bundle_digest", unique=True),
    )


class SiteThresholdChange(Record):
    """One change of the site threshold in use for a bundle: user, time, previous threshold and reason."""

    __tablename__ = "calibration_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    bundle_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"), index=True)
    calibration_id: Mapped[int | None] = mapped_column(ForeignKey("calibrations.id"))
    """None: the bundle's own operating point."""
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("calibrations.id"))
    rollback: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(256))
    reason: Mapped[str | None] = mapped_column(Text)
