"""Bacteriology results. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None

STANDING = sa.text("superseded_at IS NULL")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "bacteriology_results",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("patient_id", sa.String(256), nullable=True),
        sa.Column("patient_id_issuer", sa.String(64), nullable=True),
        sa.Column("patient_key", sa.String(256), nullable=True),
        sa.Column("accession_number", sa.String(64), nullable=True),
        sa.Column("specimen_id", sa.String(64), nullable=True),
        sa.Column("specimen_date", sa.String(8), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("entered_by", sa.String(256), nullable=False),
        sa.Column("entered_at", moment, nullable=False),
        sa.Column("superseded_at", moment, nullable=True),
        sa.Column("study_instance_uid", sa.String(64), nullable=True),
        sa.Column("linked_by", sa.String(256), nullable=True),
        sa.Column("linked_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_bacteriology_results"),
    )
    for column in ("patient_key", "accession_number", "specimen_date"):
        op.create_index(f"ix_bacteriology_results_{column}", "bacteriology_results", [column])
    op.create_index(
        "uq_bacteriology_results_subject",
        "bacteriology_results",
        ["subject"],
        unique=True,
        sqlite_where=STANDING,
        postgresql_where=STANDING,
    )


def downgrade() -> None:
    op.drop_table("bacteriology_results")
