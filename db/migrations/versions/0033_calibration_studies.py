"""Calibration studies and their people. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "calibration_studies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("bundle_digest", sa.String(64), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("edges", sa.JSON(), nullable=False),
        sa.Column("shares", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("started_by", sa.String(256), nullable=False),
        sa.Column("closed_at", moment, nullable=True),
        sa.Column("closed_by", sa.String(256), nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_calibration_studies"),
        sa.ForeignKeyConstraint(
            ["bundle_digest"], ["models.digest"], name="fk_calibration_studies_bundle_digest"
        ),
        sa.UniqueConstraint("name", name="uq_calibration_studies_name"),
    )
    op.create_index(
        "uq_calibration_studies_open",
        "calibration_studies",
        ["bundle_digest"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "calibration_people",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("calibration_study_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.Boolean(), nullable=False),
        sa.Column("station", sa.String(64), nullable=True),
        sa.Column("sex", sa.String(16), nullable=True),
        sa.Column("age_years", sa.Integer(), nullable=True),
        sa.Column("enrolled_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calibration_people"),
        sa.ForeignKeyConstraint(
            ["calibration_study_id"],
            ["calibration_studies.id"],
            name="fk_calibration_people_calibration_study_id",
        ),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_calibration_people_study_id"),
        sa.UniqueConstraint(
            "calibration_study_id", "person", name="uq_calibration_people_calibration_study_id_person"
        ),
        sa.UniqueConstraint(
            "calibration_study_id", "study_id", name="uq_calibration_people_calibration_study_id_study_id"
        ),
    )
    op.create_index("ix_calibration_people_study_id", "calibration_people", ["study_id"])


def downgrade() -> None:
    op.drop_table("calibration_people")
    op.drop_table("calibration_studies")
