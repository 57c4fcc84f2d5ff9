"""HL7 messages that were received. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hl7_received_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(256), nullable=False),
        sa.Column("control_id", sa.String(256), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("answer", sa.String(2), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hl7_received_messages"),
        sa.UniqueConstraint(
            "sender", "control_id", "digest", name="uq_hl7_received_messages_sender_control_id_digest"
        ),
    )
    op.create_index("ix_hl7_received_messages_received_at", "hl7_received_messages", ["received_at"])


def downgrade() -> None:
    op.drop_table("hl7_received_messages")
