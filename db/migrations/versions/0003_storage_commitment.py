"""Storage commitment: requests to peers, and the state of each delivered report.

It only adds: a version that knows 0002 alone goes on beside it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "commitments",
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("transaction_uid", name=op.f("pk_commitments")),
    )
    op.create_index("ix_commitments_due", "commitments", ["state", "due_at"], unique=False)
    op.create_table(
        "commitment_items",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("transaction_uid", sa.String(length=64), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("resends", sa.Integer(), nullable=False),
        sa.Column("failure_reason", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_commitment_items_delivery_id")
        ),
        sa.ForeignKeyConstraint(
            ["transaction_uid"],
            ["commitments.transaction_uid"],
            name=op.f("fk_commitment_items_transaction_uid"),
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_commitment_items")),
    )
    op.create_index("ix_commitment_items_due", "commitment_items", ["state", "due_at"], unique=False)
    op.create_index(
        op.f("ix_commitment_items_transaction_uid"), "commitment_items", ["transaction_uid"], unique=False
    )


def downgrade() -> None:
    op.drop_table("commitment_items")
    op.drop_table("commitments")
