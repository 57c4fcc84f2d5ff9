"""The tables of conflicts between films under one UID, and of administrators' corrections of patients."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.record import DIGEST_LENGTH, UID_LENGTH, Record, index_where


class Conflict(Record):
    """Films of different patients or studies under one SOP Instance UID. A person decides between them."""

    __tablename__ = "conflicts"

    id: Mapped[int] = mapped_column(primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    standing_line: Mapped[int]
    """`Instance.line` of the film that was there."""
    line: Mapped[int]
    """`Instance.line` of the film that came."""
    differences: Mapped[str] = mapped_column(String(128))
    """The fields that differ, separated by backslashes."""
    proposed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """True for an archive's merge: the same pixels for another patient."""
    state: Mapped[str] = mapped_column(String(16))
    opened_at: Mapped[datetime]
    decision: Mapped[str | None] = mapped_column(String(16))
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None] = mapped_column(String(256))
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        UniqueConstraint("sop_instance_uid", "line"),
        index_where("state = 'open'", "ix_conflicts_open", "id"),
    )


class Reconciliation(Record):
    """A correction of patients by an administrator, which films that arrive later follow until it ends."""

    __tablename__ = "reconciliations"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """merge, move or split."""
    subject: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    """SHA-256 of the patient ID, study or film that it corrects: see `db.patients.reconciliations`."""
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(256))
    reason: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(256))
    prior_patient_id: Mapped[str | None] = mapped_column(String(256))
    prior_patient_id_issuer: Mapped[str | None] = mapped_column(String(64))
    study_instance_uid: Mapped[str | None] = mapped_column(String(UID_LENGTH))
    """The study that is moved, or from which films are split."""
    sop_instance_uid: Mapped[str | None] = mapped_column(String(UID_LENGTH))
    """The film that is split from its study."""
    to_study_instance_uid: Mapped[str | None] = mapped_column(String(UID_LENGTH))
    patient_id: Mapped[str | None] = mapped_column(String(256))
    patient_id_issuer: Mapped[str | None] = mapped_column(String(64))
    patient_name: Mapped[str | None] = mapped_column(String(512))
    patient_birth_date: Mapped[str | None] = mapped_column(String(8))
    patient_sex: Mapped[str | None] = mapped_column(String(16))

    __table_args__ = (index_where("ended_at IS NULL", "ix_reconciliations_subject", "subject"),)
