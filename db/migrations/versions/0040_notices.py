"""Events of which receivers of notices are told, and the notices to each. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

UNTOLD = sa.text("told_at IS NULL")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "notice_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_key", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(256), nullable=False),
        sa.Column("instance_id", sa.Integer(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("occurred_at", moment, nullable=False),
        sa.Column("told_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notice_events"),
        sa.UniqueConstraint("event_key", name="uq_notice_events_event_key"),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_notice_events_instance_id"),
    )
    op.create_index("ix_notice_events_instance_id", "notice_events", ["instance_id"])
    op.create_index(
        "ix_notice_events_untold", "notice_events", ["id"], sqlite_where=UNTOLD, postgresql_where=UNTOLD
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("receiver", sa.String(64), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("delivered_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("event_id", "receiver", name="uq_notices_event_id_receiver"),
        sa.ForeignKeyConstraint(["event_id"], ["notice_events.id"], name="fk_notices_event_id"),
    )
    op.create_index("ix_notices_due", "notices", ["receiver", "state", "due_at"])


def downgrade() -> None:
    op.drop_table("notices")
    op.drop_table("notice_events")
