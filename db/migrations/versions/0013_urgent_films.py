"""Films of senders whose films overtake others. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("instances", sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "ix_instances_urgent",
        "instances",
        ["gateway", "state", "due_at"],
        unique=False,
        sqlite_where=sa.text("urgent"),
        postgresql_where=sa.text("urgent"),
    )


def downgrade() -> None:
    op.drop_index("ix_instances_urgent", table_name="instances")
    op.drop_column("instances", "urgent")
