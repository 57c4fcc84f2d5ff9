"""An index by which a courier looks at one peer's deliveries, however many wait for another."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_deliveries_peer", "deliveries", ["peer", "state", "due_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_deliveries_peer", table_name="deliveries")
