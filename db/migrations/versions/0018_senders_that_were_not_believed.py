"""The sender of a commitment answer that was not believed. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("commitments", sa.Column("doubted_sender", sa.String(128), nullable=True))


def downgrade() -> None:
    op.drop_column("commitments", "doubted_sender")
