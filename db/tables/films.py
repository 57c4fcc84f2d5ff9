"""The tables of studies, search keys, film revisions, renditions, screenings, heat maps and reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Computed,
    Double,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.tables.models import Model
from db.tables.record import DIGEST_LENGTH, UID_LENGTH, Record, index_where


class Study(Record):
    """One study as its films' headers describe it, and its place on the worklist."""

    __tablename__ = "studies"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH), unique=True)
    accession_number: Mapped[str | None] = mapped_column(String(64))
    patient_id: Mapped[str | None] = mapped_column(String(256))
    patient_id_issuer: Mapped[str | None] = mapped_column(String(64))
    """Issuer of Patient ID (0010,0021)."""
    patient_name: Mapped[str | None] = mapped_column(String(512))
    patient_birth_date: Mapped[str | None] = mapped_column(String(8))
    patient_sex: Mapped[str | None] = mapped_column(String(16))
    study_date: Mapped[str | None] = mapped_column(String(8))
    study_time: Mapped[str | None] = mapped_column(String(16))
    description: Mapped[str | None] = mapped_column(String(256))
    received_at: Mapped[datetime]

    # Derived by `db.worklist.studies.refresh` from its films, so that a worklist page is an index range.
    state: Mapped[str] = mapped_column(String(16))
    refusal: Mapped[str | None] = mapped_column(String(32))
    finding: Mapped[str | None] = mapped_column(String(16))
    priority: Mapped[str | None] = mapped_column(String(8))
    priority_rank: Mapped[int] = mapped_column(default=0)
    probability: Mapped[float | None]
    sort_probability: Mapped[float] = mapped_column(default=-1.0)
    verdict: Mapped[str | None] = mapped_column(String(16))
    """Verdict of its current read."""
    is_read: Mapped[bool] = mapped_column(default=False, server_default=false())
    """False again after a film that was received later than the read."""
    differing_verdicts: Mapped[str | None] = mapped_column(String(64))
    """Verdicts on which its readers differ, sorted, separated by backslashes; NULL when they agree, or a
    read has decided (`db.worklist.standing_reads`)."""
    opened_by: Mapped[str | None] = mapped_column(String(256))
    """The reader who has it open (`db.worklist.claims`)."""
    opened_at: Mapped[datetime | None]
    """Time of the last sign of that reader's page."""
    modalities: Mapped[str | None] = mapped_column(String(256))
    """Modalities of its films, sorted, separated by backslashes (0008,0061); empty when no film names one.
    NULL, here and in the following columns: written by a version that did not know the column."""
    stations: Mapped[str | None] = mapped_column(String(256))
    """Station names of its films, likewise."""
    senders: Mapped[str | None] = mapped_column(String(256))
    """AE titles that sent its films, likewise."""
    notices: Mapped[str | None] = mapped_column(String(256))
    """Notices of its films (`domain.codes.Notice`), sorted, separated by backslashes; NULL for none."""
    received_day: Mapped[str | None] = mapped_column(String(8))
    """The day (UTC) of `received_at`, YYYYMMDD."""
    accession_key: Mapped[str | None] = mapped_column(String(64))
    """Search key, see `db.worklist.search_keys`."""
    patient_id_key: Mapped[str | None] = mapped_column(String(64))
    name_key: Mapped[str | None] = mapped_column(String(64))
    place: Mapped[float] = mapped_column(
        Double,
        Computed(
            "CASE WHEN is_read THEN 16 ELSE 0 END + 4 * (3 - priority_rank) + (1 - sort_probability)",
            persisted=True,
        ),
        nullable=True,
    )
    """Place in the worklist's order, computed by the database so that every version keeps it correct: unread
    before read, HIGH (0 to 2), MEDIUM (4 to 6), LOW (8 to 10), none (14), within a band by probability."""

    blinded_place: Mapped[float] = mapped_column(
        Double,
        Computed(
            "CASE WHEN is_read THEN 2e12 WHEN priority_rank = 3 THEN 0 ELSE 1e12 END"
            " + CAST(COALESCE(received_day, '0') AS INTEGER) * 32768.0 + (id % 32749) * 20239 % 32749",
            persisted=True,
        ),
        nullable=True,
    )
    """Place in the order of users who read blinded: unread HIGH, unread others, read; then by the day of
    reception, and within a day shuffled, so that no break in an order shows where HIGH ends."""

    instances: Mapped[list[Instance]] = relationship(back_populates="study")

    __table_args__ = (
        Index("ix_studies_blinded_place", "blinded_place", "id"),
        # With the keys: a search text that fits too many studies is compared along the order.
        Index(
            "ix_studies_place",
            "place",
            "received_at",
            "id",
            "name_key",
            "patient_id_key",
            "accession_key",
        ),
        # After the order the columns that filters often combine, so that only the rows of a page are read. No
        # further columns: an index entry of PostgreSQL holds 2,700 bytes, and each may have 256 characters.
        *(
            Index(f"ix_studies_by_{column}", column, "place", "received_at", "id", *others)
            for column, others in (
                ("state", ()),
                ("refusal", ()),
                ("modalities", ()),
                ("stations", ("senders",)),
                ("senders", ("stations",)),
                ("study_date", ("stations", "senders")),
                ("received_day", ("stations", "senders")),
            )
        ),
        index_where("notices IS NOT NULL", "ix_studies_by_notices", "notices", "place", "received_at", "id"),
        index_where(
            "differing_verdicts IS NOT NULL",
            "ix_studies_by_differing_verdicts",
            "differing_verdicts",
            "place",
            "received_at",
            "id",
        ),
        *(
            Index(
                f"ix_studies_{column}",
                column,
                "place",
                "received_at",
                "id",
                postgresql_ops={column: "varchar_pattern_ops"},
            )
            for column in ("accession_key", "patient_id_key", "name_key")
        ),
    )


class StudyKey(Record):
    """A further search key of a study, besides those of its columns (`db.worklist.search_keys`).

    Studies of a version that did not know the table have none until their next film.
    """

    __tablename__ = "study_keys"

    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)

    __table_args__ = (
        Index("ix_study_keys_key", "key", "study_id", postgresql_ops={"key": "varchar_pattern_ops"}),
        {"sqlite_with_rowid": False},
    )


class Instance(Record):
    """One film revision: one dataset received under one SOP Instance UID."""

    __tablename__ = "instances"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    sop_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    sop_class_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    series_instance_uid: Mapped[str | None] = mapped_column(String(UID_LENGTH))
    transfer_syntax_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    dataset_sha256: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    revision: Mapped[int]
    current: Mapped[bool]
    """True for the revision of its line that stands (`db.films.revisions.settle`)."""
    line: Mapped[int] = mapped_column(default=0, server_default="0")
    """0 for the first film under this UID and its revisions; above 0 for films of other patients or studies
    under the same UID, and their revisions (`Conflict`)."""
    notices: Mapped[str | None] = mapped_column(String(256))
    """Notices (`domain.codes.Notice`), sorted, separated by backslashes; NULL for none."""
    pixel_digest: Mapped[str | None] = mapped_column(String(DIGEST_LENGTH))
    """SHA-256 of the decoded pixels; NULL where unknown."""
    content_digest: Mapped[str | None] = mapped_column(String(DIGEST_LENGTH))
    """SHA-256 of pixels and header values that are the same in any encoding of a film; NULL where unknown."""
    modality: Mapped[str | None] = mapped_column(String(32))
    body_part: Mapped[str | None] = mapped_column(String(64))
    view_position: Mapped[str | None] = mapped_column(String(32))
    age_years: Mapped[int | None]
    station_name: Mapped[str | None] = mapped_column(String(64))
    institution_name: Mapped[str | None] = mapped_column(String(64))
    calling_ae_title: Mapped[str] = mapped_column(String(64))
    gateway: Mapped[str] = mapped_column(String(128))
    spool_path: Mapped[str | None] = mapped_column(String(256), index=True)
    byte_size: Mapped[int] = mapped_column(BigInteger)
    header: Mapped[dict[str, Any]] = mapped_column(deferred=True)
    """Read when it is asked for: it is larger than all other columns, and few queries need it."""

    state: Mapped[str] = mapped_column(String(16))
    refusal: Mapped[str | None] = mapped_column(String(32))
    refusal_detail: Mapped[str | None] = mapped_column(Text)
    doubts: Mapped[list[str]] = mapped_column(default=list)
    observations: Mapped[list[str] | None]
    """Properties judged from the pixels and not from the header; None before preparation."""
    urgent: Mapped[bool] = mapped_column(default=False, server_default=false())
    """True when its sender's films are processed before others."""
    preparation_attempts: Mapped[int] = mapped_column(default=0)
    screening_attempts: Mapped[int] = mapped_column(default=0)
    vain_dispatches: Mapped[int] = mapped_column(default=0, server_default="0")
    """Dispatches without a result although workers were at work; see `db.films.films.lease_due`."""
    preparation_strikes: Mapped[int] = mapped_column(default=0, server_default="0")
    """Preparations that failed with no other cause in sight; see `domain.witness`."""
    screening_strikes: Mapped[int] = mapped_column(default=0, server_default="0")
    """Predictions likewise."""
    due_at: Mapped[datetime]
    """Time of its next preparation if received, of its next dispatch if queued."""
    bundle_digest: Mapped[str | None] = mapped_column(ForeignKey("models.digest"))
    operating_point: Mapped[str | None] = mapped_column(String(64))
    array_mean: Mapped[float | None]
    """Mean of the array that was screened, 0..1; None before preparation."""
    array_deviation: Mapped[float | None]
    """Standard deviation of the array."""
    array_dark: Mapped[float | None]
    """Share of the array that is black: below 0.02."""

    requested_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(index=True)
    prepared_at: Mapped[datetime | None]
    queued_at: Mapped[datetime | None]
    state_changed_at: Mapped[datetime]

    study: Mapped[Study] = relationship(back_populates="instances")
    screening: Mapped[Screening | None] = relationship(back_populates="instance")

    __table_args__ = (
        UniqueConstraint("sop_instance_uid", "dataset_sha256"),
        UniqueConstraint("sop_instance_uid", "revision"),
        Index("ix_instances_due", "gateway", "state", "due_at"),
        index_where("urgent", "ix_instances_urgent", "gateway", "state", "due_at"),
        index_where("state IN ('received', 'queued')", "ix_instances_waiting", "state", "received_at"),
    )


class Rendition(Record):
    """The film for display: an 8-bit grey JPEG of at most 1024 pixels a side."""

    __tablename__ = "renditions"

    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), primary_key=True)
    jpeg: Mapped[bytes]
    transforms: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The transforms from the film's stored values to the JPEG's, as a presentation state carries them. NULL:
    a colour picture, or written by a version that did not know the column."""


class Screening(Record):
    """The reported result of one film revision; a constraint allows one per revision."""

    __tablename__ = "screenings"

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), unique=True)
    bundle_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    operating_point: Mapped[str] = mapped_column(String(64))
    threshold: Mapped[float]
    score: Mapped[float]
    """Output of the network, 0..1."""
    probability: Mapped[float]
    """The calibrated score, 0..1, for the prevalence the bundle names."""
    calibrated_threshold: Mapped[float]
    finding: Mapped[str] = mapped_column(String(16))
    priority: Mapped[str] = mapped_column(String(8))
    worker: Mapped[str] = mapped_column(String(128))
    runtime: Mapped[str | None] = mapped_column(String(16))
    """The runtime that computed the score, as `keras` or `openvino`. NULL, here and in the following column:
    written by a version that did not know the column."""
    precision: Mapped[str | None] = mapped_column(String(16))
    """The precision of that runtime, as `float32` or `bfloat16`."""
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]

    instance: Mapped[Instance] = relationship(back_populates="screening")
    model: Mapped[Model] = relationship()


class ShadowScreening(Record):
    """The result of the bundle in the shadow on one film; it is not reported.

    The row is written before the network runs, so that a bundle that ends its process is recognized by its
    rows without a result.
    """

    __tablename__ = "shadow_screenings"

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"))
    bundle_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    worker: Mapped[str] = mapped_column(String(128))
    runtime: Mapped[str | None] = mapped_column(String(16))
    """As in `Screening`."""
    precision: Mapped[str | None] = mapped_column(String(16))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    operating_point: Mapped[str | None] = mapped_column(String(64))
    threshold: Mapped[float | None]
    score: Mapped[float | None]
    probability: Mapped[float | None]
    calibrated_threshold: Mapped[float | None]
    finding: Mapped[str | None] = mapped_column(String(16))
    priority: Mapped[str | None] = mapped_column(String(8))

    __table_args__ = (
        UniqueConstraint("instance_id", "bundle_digest"),
        Index("ix_shadow_screenings_worker", "bundle_digest", "worker", "started_at"),
    )


class HeatMap(Record):
    """The heat map of a screening: the regions of the film from which the network's score comes."""

    __tablename__ = "heat_maps"

    screening_id: Mapped[int] = mapped_column(ForeignKey("screenings.id"), primary_key=True)
    rows: Mapped[int]
    columns: Mapped[int]
    margin: Mapped[float]
    """Margin without cells at each edge, as a share of the film's height and width: 0 to below 0.5."""
    cells: Mapped[bytes]
    """uint8 (rows, columns), row by row; 255 is hottest."""


class Read(Record):
    """One radiologist's verdict on one study. A changed read is a new row; the old one stays."""

    __tablename__ = "reads"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    verdict: Mapped[str] = mapped_column(String(16))
    comment: Mapped[str | None] = mapped_column(Text)
    reader: Mapped[str] = mapped_column(String(256))
    read_at: Mapped[datetime] = mapped_column(index=True)
    current: Mapped[bool]
    """True for the one read that counts for the study: an arbitration, else the newest."""
    origin: Mapped[str | None] = mapped_column(String(8))
    """The interface that took it (`domain.codes.ReadOrigin`). NULL, here and in the following column:
    written by a version that did not know the column."""
    shown_films: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    """The films (instance ids) that were on the reader's screen; NULL also where nobody said so."""
    withdrawn_at: Mapped[datetime | None]
    """Time at which its reader undid it; NULL for a read that counts."""
    standing_reader: Mapped[str | None] = mapped_column(String(256))
    """The reader, while this is the reader's newest read of the study; NULL for an older or undone one, and
    for a read by a version that did not know the column, until the study's next read."""
    arbitrates: Mapped[bool] = mapped_column(default=False, server_default=false())
    """True for a read that decides a disagreement of other readers."""
    blinded: Mapped[bool] = mapped_column(default=False, server_default=false())
    """True for a reader's first read of the study from whom the result was hidden until then."""

    __table_args__ = (
        index_where("current", "uq_reads_one_current", "study_id", unique=True),
        index_where(
            "standing_reader IS NOT NULL", "uq_reads_standing", "study_id", "standing_reader", unique=True
        ),
    )
