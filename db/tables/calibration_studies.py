"""The tables of calibration studies and of the people in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.record import DIGEST_LENGTH, Record, index_where


class CalibrationStudy(Record):
    """A study of a site's people with bacteriological confirmation, for one bundle. Never deleted."""

    __tablename__ = "calibration_studies"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    bundle_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    threshold: Mapped[float]
    """The screening threshold that was in use when it was planned; a band begins there."""
    edges: Mapped[list[float]] = mapped_column(JSON)
    """Scores at which a band begins, rising; the first band begins at 0."""
    shares: Mapped[list[float]] = mapped_column(JSON)
    """Probability of a test in each band, from the lowest; one more than edges."""
    plan: Mapped[dict[str, Any]]
    """The plan as it was shown (`reports.calibration_study.plan.StudyPlan`)."""
    secret: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    """Random; draws people and hides who they are (`domain.calibration_sampling`)."""
    started_at: Mapped[datetime]
    started_by: Mapped[str] = mapped_column(String(256))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(256))
    close_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        index_where("closed_at IS NULL", "uq_calibration_studies_open", "bundle_digest", unique=True),
    )


class CalibrationPerson(Record):
    """A person in a calibration study, with score, band and draw as they were on enrolment."""

    __tablename__ = "calibration_people"

    id: Mapped[int] = mapped_column(primary_key=True)
    calibration_study_id: Mapped[int] = mapped_column(ForeignKey("calibration_studies.id"))
    person: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    """See `domain.calibration_sampling.name_person`."""
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    """The DICOM study of the person's first film."""
    score: Mapped[float]
    """The highest score of that study."""
    band: Mapped[int]
    """0 is the lowest."""
    drawn: Mapped[bool]
    """True for a person who is to be tested."""
    station: Mapped[str | None] = mapped_column(String(64))
    sex: Mapped[str | None] = mapped_column(String(16))
    age_years: Mapped[int | None]
    enrolled_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("calibration_study_id", "person"),
        UniqueConstraint("calibration_study_id", "study_id"),
    )
