"""Strikes of films: failures of which the film was the cause. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COLUMNS = ("preparation_strikes", "screening_strikes")


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("instances", sa.Column(column, sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_column("instances", column)
