"""An index of the films that are not done, for monitoring."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

WAITING = "state IN ('received', 'queued')"


def upgrade() -> None:
    op.create_index(
        "ix_instances_waiting",
        "instances",
        ["state", "received_at"],
        unique=False,
        sqlite_where=sa.text(WAITING),
        postgresql_where=sa.text(WAITING),
    )


def downgrade() -> None:
    op.drop_index("ix_instances_waiting", table_name="instances")
