"""Erasures, and the files that gateways are to delete for them. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "erasures",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("erased_at", moment, nullable=False),
        sa.Column("erased_by", sa.String(256), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_erasures"),
    )
    op.create_table(
        "erased_files",
        sa.Column("gateway", sa.String(128), nullable=False),
        sa.Column("spool_path", sa.String(256), nullable=False),
        sa.Column("erased_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("gateway", "spool_path", name="pk_erased_files"),
    )


def downgrade() -> None:
    op.drop_table("erased_files")
    op.drop_table("erasures")
