"""Properties judged from a film's pixels and not from its header."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("instances", sa.Column("observations", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("instances", "observations")
