"""The tables. Times are UTC; sizes are bytes; durations are milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Computed,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from db.clock import now as now  # every module of this room takes it from here

UID_LENGTH = 64
"""Longest UID (PS3.5 6.2, VR UI)."""

DIGEST_LENGTH = 64
"""Hexadecimal SHA-256."""

READ_PLACES = 16.0
"""Read studies stand so many places behind unread ones; a priority band is four places wide."""


class UtcDateTime(TypeDecorator[datetime]):
    """A time with its zone, UTC, also on SQLite, which keeps none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without zone cannot be stored")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give SQLite's naive times their zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    """Root of all tables; constraint names are fixed so that migrations can address them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy reads it from the class
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
        bytes: LargeBinary(),
    }


class Study(Table):
    """One study as its films' headers describe it, and where it stands on the worklist."""

    __tablename__ = "studies"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH), unique=True)
    accession_number: Mapped[str | None] = mapped_column(String(64))
    patient_id: Mapped[str | None] = mapped_column(String(256))
    patient_name: Mapped[str | None] = mapped_column(String(512))
    patient_birth_date: Mapped[str | None] = mapped_column(String(8))
    patient_sex: Mapped[str | None] = mapped_column(String(16))
    study_date: Mapped[str | None] = mapped_column(String(8))
    study_time: Mapped[str | None] = mapped_column(String(16))
    description: Mapped[str | None] = mapped_column(String(256))
    received_at: Mapped[datetime]

    # Derived from its current films by `db.studies.refresh`, so that the worklist is one index range.
    state: Mapped[str] = mapped_column(String(16))
    refusal: Mapped[str | None] = mapped_column(String(32))
    finding: Mapped[str | None] = mapped_column(String(16))
    priority: Mapped[str | None] = mapped_column(String(8))
    priority_rank: Mapped[int] = mapped_column(default=0)
    probability: Mapped[float | None]
    sort_probability: Mapped[float] = mapped_column(default=-1.0)
    verdict: Mapped[str | None] = mapped_column(String(16))
    """What its newest read says."""
    is_read: Mapped[bool] = mapped_column(default=False, server_default=false())
    """False again when a film came after the read."""
    modalities: Mapped[str | None] = mapped_column(String(256))
    """Of its films, sorted, set apart by backslashes (0008,0061); empty when none says one. NULL: written by
    a version that did not know this column, as in all that follow."""
    stations: Mapped[str | None] = mapped_column(String(256))
    """Station names of its films, likewise."""
    senders: Mapped[str | None] = mapped_column(String(256))
    """AE titles that sent its films, likewise."""
    received_day: Mapped[str | None] = mapped_column(String(8))
    """The day (UTC) of `received_at`, YYYYMMDD."""
    accession_key: Mapped[str | None] = mapped_column(String(64))
    """What is searched for: see `db.search_keys`."""
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
    """Where it stands in the worklist's order, by the database itself, so that every version keeps it right:
    unread before read, HIGH (0 to 2), MEDIUM (4 to 6), LOW (8 to 10), none (14), in a band by probability."""

    instances: Mapped[list[Instance]] = relationship(back_populates="study")

    __table_args__ = (
        Index(
            "ix_studies_worklist",
            is_read,
            priority_rank.desc(),
            sort_probability.desc(),
            "received_at",
            "id",
        ),
        # The keys behind it: what is typed and fits too many is looked up along the order.
        Index(
            "ix_studies_place",
            "place",
            "received_at",
            "id",
            "name_key",
            "patient_id_key",
            "accession_key",
        ),
        *(
            Index(f"ix_studies_by_{column}", column, "place", "received_at", "id")
            for column in (
                "state",
                "refusal",
                "modalities",
                "stations",
                "senders",
                "study_date",
                "received_day",
            )
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


class Instance(Table):
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
    header: Mapped[dict[str, Any]]

    state: Mapped[str] = mapped_column(String(16))
    refusal: Mapped[str | None] = mapped_column(String(32))
    refusal_detail: Mapped[str | None] = mapped_column(Text)
    doubts: Mapped[list[str]] = mapped_column(default=list)
    urgent: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Its sender's films overtake others."""
    preparation_attempts: Mapped[int] = mapped_column(default=0)
    screening_attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    """When its gateway looks at it again: preparation if received, redispatch if queued."""
    bundle_digest: Mapped[str | None] = mapped_column(ForeignKey("models.digest"))
    operating_point: Mapped[str | None] = mapped_column(String(64))
    array_mean: Mapped[float | None]
    """Mean of the array that was screened, 0..1; None as long as it was not prepared."""
    array_deviation: Mapped[float | None]
    """Its standard deviation."""
    array_dark: Mapped[float | None]
    """Share of it that is black: below 0.02."""

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
        Index(
            "ix_instances_urgent",
            "gateway",
            "state",
            "due_at",
            sqlite_where=text("urgent"),
            postgresql_where=text("urgent"),
        ),
        Index(
            "ix_instances_waiting",
            "state",
            "received_at",
            sqlite_where=text("state IN ('received', 'queued')"),
            postgresql_where=text("state IN ('received', 'queued')"),
        ),
    )


class Rendition(Table):
    """The film as people see it: an 8-bit grey JPEG of at most 1024 pixels a side."""

    __tablename__ = "renditions"

    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), primary_key=True)
    jpeg: Mapped[bytes]


class Model(Table):
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
    """Scores every film after the active one did; recorded, not reported."""

    __table_args__ = (
        Index(
            "uq_models_one_active",
            "active",
            unique=True,
            sqlite_where=text("active"),
            postgresql_where=text("active"),
        ),
        Index(
            "uq_models_one_shadow",
            "shadow",
            unique=True,
            sqlite_where=text("shadow"),
            postgresql_where=text("shadow"),
        ),
    )


class BundleChunk(Table):
    """A piece of one file of a bundle, for worker hosts that share no disk."""

    __tablename__ = "bundle_chunks"

    digest: Mapped[str] = mapped_column(ForeignKey("models.digest"), primary_key=True)
    file: Mapped[str] = mapped_column(String(128), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]


class Activation(Table):
    """One change of the active bundle: who, when, and what spoke for it."""

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
    """Candidate against previous bundle, a `training.comparison.Comparison` as JSON."""


class ComparisonRecord(Table):
    """Two bundles compared on labelled films by `tbscreen models compare`."""

    __tablename__ = "comparisons"

    id: Mapped[int] = mapped_column(primary_key=True)
    candidate_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    reference_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    compared_at: Mapped[datetime]
    compared_by: Mapped[str] = mapped_column(String(256))
    result: Mapped[dict[str, Any]]

    __table_args__ = (Index("ix_comparisons_pair", "candidate_digest", "reference_digest"),)


class Screening(Table):
    """One model's reported result on one film revision. The database allows one."""

    __tablename__ = "screenings"

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), unique=True)
    bundle_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    operating_point: Mapped[str] = mapped_column(String(64))
    threshold: Mapped[float]
    score: Mapped[float]
    """What the network said, 0..1."""
    probability: Mapped[float]
    """The calibrated score, 0..1, for the prevalence the bundle names."""
    calibrated_threshold: Mapped[float]
    finding: Mapped[str] = mapped_column(String(16))
    priority: Mapped[str] = mapped_column(String(8))
    worker: Mapped[str] = mapped_column(String(128))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]

    instance: Mapped[Instance] = relationship(back_populates="screening")
    model: Mapped[Model] = relationship()


class ShadowScreening(Table):
    """What the bundle in the shadow said of one film; no report comes of it.

    The row is there before the network runs, so that a bundle that ends its process is known by the rows
    that it left without a result.
    """

    __tablename__ = "shadow_screenings"

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"))
    bundle_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    worker: Mapped[str] = mapped_column(String(128))
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


class HeatMap(Table):
    """Where in the film a screening's score comes from, as its network says."""

    __tablename__ = "heat_maps"

    screening_id: Mapped[int] = mapped_column(ForeignKey("screenings.id"), primary_key=True)
    rows: Mapped[int]
    columns: Mapped[int]
    margin: Mapped[float]
    """What the map leaves out at each edge, as a share of the film's height and width: 0 to below 0.5."""
    cells: Mapped[bytes]
    """uint8 (rows, columns), row by row; 255 is hottest."""


class Read(Table):
    """One radiologist's verdict on one study. A changed read is a new row; the old one stays."""

    __tablename__ = "reads"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    verdict: Mapped[str] = mapped_column(String(16))
    comment: Mapped[str | None] = mapped_column(Text)
    reader: Mapped[str] = mapped_column(String(256))
    read_at: Mapped[datetime] = mapped_column(index=True)
    current: Mapped[bool]
    """True for the study's newest."""

    __table_args__ = (
        Index(
            "uq_reads_one_current",
            "study_id",
            unique=True,
            sqlite_where=text("current"),
            postgresql_where=text("current"),
        ),
    )


class Calibration(Table):
    """An operating point that a site derived from its own reads for one bundle. Never changed or deleted."""

    __tablename__ = "calibrations"

    id: Mapped[int] = mapped_column(primary_key=True)
    bundle_digest: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    name: Mapped[str] = mapped_column(String(64))
    """Of its operating point, as "local_20260630"."""
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(256))
    record: Mapped[dict[str, Any]]
    """Thresholds, and the figures that speak for them."""
    signature: Mapped[str] = mapped_column(String(64))
    """Hexadecimal HMAC-SHA256 over all of the above."""
    active: Mapped[bool] = mapped_column(default=False)
    """True for the one that new films of its bundle are judged by."""

    __table_args__ = (
        UniqueConstraint("bundle_digest", "name"),
        Index(
            "uq_calibrations_one_active",
            "bundle_digest",
            unique=True,
            sqlite_where=text("active"),
            postgresql_where=text("active"),
        ),
    )


class CalibrationChange(Table):
    """One change of the calibration that is in use for a bundle: who, when, instead of which, and why."""

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


class OutboxEntry(Table):
    """A screening that waits for the courier to turn it into deliveries."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    screening_id: Mapped[int] = mapped_column(ForeignKey("screenings.id"), unique=True)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(index=True)
    last_error: Mapped[str | None] = mapped_column(Text)


class RefusalOutboxEntry(Table):
    """A refused film that waits for the courier to tell those peers that want to know.

    A table of its own, not rows of `outbox` without a screening: a courier of an earlier version that runs
    beside this one would stop at them.
    """

    __tablename__ = "refusal_outbox"

    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), primary_key=True)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(index=True)
    last_error: Mapped[str | None] = mapped_column(Text)


class ReportObject(Table):
    """A DICOM object that tbscreen made, byte for byte as it is sent and sent again."""

    __tablename__ = "report_objects"

    sop_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH), primary_key=True)
    screening_id: Mapped[int | None] = mapped_column(ForeignKey("screenings.id"), index=True)
    """None for a refusal."""
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instances.id"), index=True)
    """The refused film; None for what was made of a screening."""
    sop_class_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    kind: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    part10: Mapped[bytes]

    __table_args__ = (UniqueConstraint("screening_id", "kind"),)


class Delivery(Table):
    """One report object on its way to one peer."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(primary_key=True)
    sop_instance_uid: Mapped[str] = mapped_column(ForeignKey("report_objects.sop_instance_uid"))
    peer: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]

    report: Mapped[ReportObject] = relationship()

    __table_args__ = (
        UniqueConstraint("sop_instance_uid", "peer"),
        Index("ix_deliveries_due", "state", "due_at"),
        Index("ix_deliveries_peer", "peer", "state", "due_at"),
    )


class DeliveryEvent(Table):
    """One thing that happened to one delivery; its row and its commitment's say only where they stand now."""

    __tablename__ = "delivery_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), index=True)
    happened_at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(32))
    """A `DeliveryState` that it came into, or `postponed`; or `commitment` and a `CommitmentState`."""
    detail: Mapped[str | None] = mapped_column(Text)


class Commitment(Table):
    """One storage commitment request to one peer (PS3.4 J.3.2): a transaction over delivered reports."""

    __tablename__ = "commitments"

    transaction_uid: Mapped[str] = mapped_column(String(UID_LENGTH), primary_key=True)
    peer: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    requested_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """When the peer's report is overdue."""
    answered_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_commitments_due", "state", "due_at"),)


class CommitmentItem(Table):
    """Whether the peer of one delivery answers for the report. There is none where nobody asks it to."""

    __tablename__ = "commitment_items"

    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    transaction_uid: Mapped[str | None] = mapped_column(ForeignKey("commitments.transaction_uid"), index=True)
    """The newest request that named it."""
    due_at: Mapped[datetime]
    """When it is to be asked for."""
    requests: Mapped[int] = mapped_column(default=0)
    """How often the peer was asked in vain since it was last delivered or replayed."""
    resends: Mapped[int] = mapped_column(default=0)
    """How often the report was sent again because the peer said that it does not have it."""
    failure_reason: Mapped[int | None]
    """Failure Reason (0008,1197), PS3.3 C.14."""
    last_error: Mapped[str | None] = mapped_column(Text)
    wanted_at: Mapped[datetime]
    committed_at: Mapped[datetime | None]

    delivery: Mapped[Delivery] = relationship()

    __table_args__ = (Index("ix_commitment_items_due", "state", "due_at"),)


class Pull(Table):
    """Studies that are fetched from a peer: what a command asked for, or a schedule with all its rounds."""

    __tablename__ = "pulls"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(160), unique=True)
    """The schedule's, or peer and dates of a command: the same command goes on where it stopped."""
    peer: Mapped[str] = mapped_column(String(64))
    first_date: Mapped[str] = mapped_column(String(8))
    last_date: Mapped[str] = mapped_column(String(8))
    """Study dates (PS3.5 6.2, VR DA), both included."""
    state: Mapped[str] = mapped_column(String(16))
    holder: Mapped[str | None] = mapped_column(String(192))
    """Which process is or was at it."""
    due_at: Mapped[datetime]
    """When its lease ends, if running; when its next round begins, if idle."""
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)


class PulledStudy(Table):
    """One study of one peer that a pull found, and whether its films are here."""

    __tablename__ = "pulled_studies"

    id: Mapped[int] = mapped_column(primary_key=True)
    peer: Mapped[str] = mapped_column(String(64))
    study_instance_uid: Mapped[str] = mapped_column(String(UID_LENGTH))
    pull_id: Mapped[int] = mapped_column(ForeignKey("pulls.id"))
    """The pull that fetches or fetched it."""
    state: Mapped[str] = mapped_column(String(16))
    instances_at_peer: Mapped[int | None]
    """Number of Study Related Instances (0020,1208) when it was last found."""
    films: Mapped[int] = mapped_column(default=0)
    """Its films that are here."""
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    """When a failed one is tried again by a schedule."""
    last_error: Mapped[str | None] = mapped_column(Text)
    found_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("peer", "study_instance_uid"),
        Index("ix_pulled_studies_pull", "pull_id", "state"),
    )
