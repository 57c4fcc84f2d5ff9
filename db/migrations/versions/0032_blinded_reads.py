"""Blinded reading: users from whom a result is hidden until they have read, and their reads and worklist.

It only adds. `blinded_place` is computed by the database, so that a version that does not know it keeps it
correct; such a version hides nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

PLACE = (
    "CASE WHEN is_read THEN 2e12 WHEN priority_rank = 3 THEN 0 ELSE 1e12 END"
    " + CAST(COALESCE(received_day, '0') AS INTEGER) * 32768.0 + (id % 32749) * 20239 % 32749"
)


def upgrade() -> None:
    op.add_column("users", sa.Column("blinded", sa.Boolean(), nullable=True))
    op.add_column("reads", sa.Column("blinded", sa.Boolean(), server_default=sa.false(), nullable=False))
    # SQLite adds no stored column to a table that is there, PostgreSQL has no other kind before 18.
    persisted = op.get_bind().dialect.name == "postgresql"
    op.add_column(
        "studies",
        sa.Column("blinded_place", sa.Double(), sa.Computed(PLACE, persisted=persisted), nullable=True),
    )
    op.create_index("ix_studies_blinded_place", "studies", ["blinded_place", "id"])


def downgrade() -> None:
    op.drop_index("ix_studies_blinded_place", table_name="studies")
    op.drop_column("studies", "blinded_place")
    op.drop_column("reads", "blinded")
    op.drop_column("users", "blinded")
