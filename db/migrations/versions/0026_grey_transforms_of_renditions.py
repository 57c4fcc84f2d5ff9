"""The transforms from a film's stored values to its rendition, for presentation states."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("renditions", sa.Column("transforms", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("renditions", "transforms")
