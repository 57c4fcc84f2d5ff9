"""The dispatches of a film that came to nothing while workers were at work. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("instances", sa.Column("vain_dispatches", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("instances", "vain_dispatches")
