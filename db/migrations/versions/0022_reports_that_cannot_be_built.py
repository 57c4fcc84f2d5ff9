"""Reports that could not be built are parked. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("outbox", "refusal_outbox"):
        op.add_column(table, sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table in ("outbox", "refusal_outbox"):
        op.drop_column(table, "parked_at")
