"""Radiologists' reads, and heat maps of screenings.

It only adds, but for the worklist's index: a version that knows 0004 alone goes on beside it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("studies", sa.Column("verdict", sa.String(length=16), nullable=True))
    op.add_column("studies", sa.Column("is_read", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_index("ix_studies_worklist", table_name="studies")
    op.create_index(
        "ix_studies_worklist",
        "studies",
        ["is_read", sa.text("priority_rank DESC"), sa.text("sort_probability DESC"), "received_at", "id"],
        unique=False,
    )
    op.create_table(
        "reads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("reader", sa.String(length=256), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_reads_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reads")),
    )
    op.create_index("ix_reads_study_id", "reads", ["study_id"], unique=False)
    op.create_index("ix_reads_read_at", "reads", ["read_at"], unique=False)
    op.create_index(
        "uq_reads_one_current",
        "reads",
        ["study_id"],
        unique=True,
        sqlite_where=sa.text("current"),
        postgresql_where=sa.text("current"),
    )
    op.create_table(
        "heat_maps",
        sa.Column("screening_id", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("margin", sa.Double(), nullable=False),
        sa.Column("cells", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["screening_id"], ["screenings.id"], name=op.f("fk_heat_maps_screening_id")),
        sa.PrimaryKeyConstraint("screening_id", name=op.f("pk_heat_maps")),
    )


def downgrade() -> None:
    op.drop_table("heat_maps")
    op.drop_table("reads")
    op.drop_index("ix_studies_worklist", table_name="studies")
    op.create_index(
        "ix_studies_worklist",
        "studies",
        [sa.text("priority_rank DESC"), sa.text("sort_probability DESC"), "received_at", "id"],
        unique=False,
    )
    op.drop_column("studies", "is_read")
    op.drop_column("studies", "verdict")
