"""The table of bacteriology results."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.record import DIGEST_LENGTH, UID_LENGTH, Record, index_where


class BacteriologyResult(Record):
    """One result of one test of one specimen. A corrected result is a new row; the old one stays.

    Its study is found anew at each use (`db.bacteriology.links`), so that a film that arrives later, and a
    patient who is corrected, are no special cases.
    """

    __tablename__ = "bacteriology_results"

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    """SHA-256 of patient, method and specimen: see `db.bacteriology.results`."""
    patient_id: Mapped[str | None] = mapped_column(String(256))
    patient_id_issuer: Mapped[str | None] = mapped_column(String(64))
    patient_key: Mapped[str | None] = mapped_column(String(256), index=True)
    """The patient ID as it is compared (`domain.patient_identity.fold_patient_id`)."""
    accession_number: Mapped[str | None] = mapped_column(String(64), index=True)
    """Accession Number of the imaging request, not the laboratory's number."""
    specimen_id: Mapped[str | None] = mapped_column(String(64))
    """The laboratory's number."""
    specimen_date: Mapped[str] = mapped_column(String(8), index=True)
    """Day of collection, YYYYMMDD."""
    method: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(16))
    entered_by: Mapped[str] = mapped_column(String(256))
    entered_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]
    """Time of its correction; NULL for the result that stands."""
    study_instance_uid: Mapped[str | None] = mapped_column(String(UID_LENGTH))
    """The study that a person linked it to; NULL: linked by accession number or patient ID."""
    linked_by: Mapped[str | None] = mapped_column(String(256))
    linked_at: Mapped[datetime | None]

    __table_args__ = (
        index_where("superseded_at IS NULL", "uq_bacteriology_results_subject", "subject", unique=True),
    )
