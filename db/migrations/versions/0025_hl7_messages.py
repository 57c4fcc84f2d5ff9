"""HL7 messages to receivers, and the films of which they are to be told. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "hl7_outbox",
        sa.Column("instance_id", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("parked_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_hl7_outbox_instance_id"),
        sa.PrimaryKeyConstraint("instance_id", name="pk_hl7_outbox"),
    )
    op.create_index("ix_hl7_outbox_due_at", "hl7_outbox", ["due_at"])
    op.create_table(
        "hl7_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("control_id", sa.String(20), nullable=False),
        sa.Column("receiver", sa.String(64), nullable=False),
        sa.Column("instance_id", sa.Integer(), nullable=False),
        sa.Column("screening_id", sa.Integer(), nullable=True),
        sa.Column("filler_number", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("acknowledgement", sa.String(2), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("delivered_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name="fk_hl7_messages_instance_id"),
        sa.ForeignKeyConstraint(["screening_id"], ["screenings.id"], name="fk_hl7_messages_screening_id"),
        sa.PrimaryKeyConstraint("id", name="pk_hl7_messages"),
        sa.UniqueConstraint("control_id", name="uq_hl7_messages_control_id"),
    )
    op.create_index("ix_hl7_messages_instance_id", "hl7_messages", ["instance_id"])
    op.create_index("ix_hl7_messages_due", "hl7_messages", ["receiver", "state", "due_at"])


def downgrade() -> None:
    op.drop_table("hl7_messages")
    op.drop_table("hl7_outbox")
