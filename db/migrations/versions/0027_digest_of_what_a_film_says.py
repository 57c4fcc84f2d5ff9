"""A digest by which a film is recognized that comes again in another encoding."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("instances", sa.Column("content_digest", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("instances", "content_digest")
