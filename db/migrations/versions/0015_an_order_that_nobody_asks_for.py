"""The worklist's order by five columns has had no readers since 0009: its index goes.

A version that knows 0008 alone asks for its pages without it, slowly and rightly.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_studies_worklist", table_name="studies")


def downgrade() -> None:
    op.create_index(
        "ix_studies_worklist",
        "studies",
        ["is_read", sa.text("priority_rank DESC"), sa.text("sort_probability DESC"), "received_at", "id"],
        unique=False,
    )
