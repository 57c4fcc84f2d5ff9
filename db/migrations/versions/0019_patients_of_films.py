"""Patients of films: notices, conflicts under one SOP Instance UID, corrections by administrators.

It only adds: the version before leaves the new columns at their defaults.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NOTED = sa.text("notices IS NOT NULL")
OPEN = sa.text("state = 'open'")
IN_FORCE = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.add_column("studies", sa.Column("patient_id_issuer", sa.String(64), nullable=True))
    op.add_column("studies", sa.Column("notices", sa.String(256), nullable=True))
    op.create_index(
        "ix_studies_by_notices",
        "studies",
        ["notices", "place", "received_at", "id"],
        sqlite_where=NOTED,
        postgresql_where=NOTED,
    )
    op.add_column("instances", sa.Column("line", sa.Integer(), server_default="0", nullable=False))
    op.add_column("instances", sa.Column("notices", sa.String(256), nullable=True))
    op.add_column("instances", sa.Column("pixel_digest", sa.String(64), nullable=True))
    _create_conflicts()
    _create_reconciliations()


def _create_conflicts() -> None:
    op.create_table(
        "conflicts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("standing_line", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("differences", sa.String(128), nullable=False),
        sa.Column("proposed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.String(16), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(256), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_conflicts"),
        sa.UniqueConstraint("sop_instance_uid", "line", name="uq_conflicts_sop_instance_uid_line"),
    )
    op.create_index("ix_conflicts_open", "conflicts", ["id"], sqlite_where=OPEN, postgresql_where=OPEN)


def _create_reconciliations() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(256), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(256), nullable=True),
        sa.Column("prior_patient_id", sa.String(256), nullable=True),
        sa.Column("prior_patient_id_issuer", sa.String(64), nullable=True),
        sa.Column("study_instance_uid", sa.String(64), nullable=True),
        sa.Column("sop_instance_uid", sa.String(64), nullable=True),
        sa.Column("to_study_instance_uid", sa.String(64), nullable=True),
        sa.Column("patient_id", sa.String(256), nullable=True),
        sa.Column("patient_id_issuer", sa.String(64), nullable=True),
        sa.Column("patient_name", sa.String(512), nullable=True),
        sa.Column("patient_birth_date", sa.String(8), nullable=True),
        sa.Column("patient_sex", sa.String(16), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliations"),
    )
    op.create_index(
        "ix_reconciliations_subject",
        "reconciliations",
        ["subject"],
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    )


def downgrade() -> None:
    op.drop_table("reconciliations")
    op.drop_table("conflicts")
    op.drop_column("instances", "pixel_digest")
    op.drop_column("instances", "notices")
    op.drop_column("instances", "line")
    op.drop_index("ix_studies_by_notices", table_name="studies")
    op.drop_column("studies", "notices")
    op.drop_column("studies", "patient_id_issuer")
