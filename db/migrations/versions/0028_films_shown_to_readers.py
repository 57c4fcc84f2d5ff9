"""Reads name the films that were on the reader's screen and the interface that took them; undone reads.

It only adds: the columns are NULL for a version that does not know them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reads", sa.Column("origin", sa.String(8), nullable=True))
    op.add_column("reads", sa.Column("shown_films", sa.JSON(), nullable=True))
    op.add_column("reads", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("reads", "withdrawn_at")
    op.drop_column("reads", "shown_films")
    op.drop_column("reads", "origin")
