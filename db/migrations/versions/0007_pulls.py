"""Pulls of studies from a PACS that cannot route, and their progress.

It only adds.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pulls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("first_date", sa.String(length=8), nullable=False),
        sa.Column("last_date", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("holder", sa.String(length=192), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pulls")),
        sa.UniqueConstraint("name", name=op.f("uq_pulls_name")),
    )
    op.create_table(
        "pulled_studies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("pull_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("instances_at_peer", sa.Integer(), nullable=True),
        sa.Column("films", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["pull_id"], ["pulls.id"], name=op.f("fk_pulled_studies_pull_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pulled_studies")),
        sa.UniqueConstraint(
            "peer", "study_instance_uid", name=op.f("uq_pulled_studies_peer_study_instance_uid")
        ),
    )
    op.create_index("ix_pulled_studies_pull", "pulled_studies", ["pull_id", "state"], unique=False)


def downgrade() -> None:
    op.drop_table("pulled_studies")
    op.drop_table("pulls")
