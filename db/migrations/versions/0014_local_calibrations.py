"""Operating points that a site derives from its own reads, and which of them is in use.

It only adds: a version that knows 0013 alone goes on beside it, as long as no calibration is activated.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calibrations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bundle_digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=256), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("signature", sa.String(length=64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bundle_digest"], ["models.digest"], name=op.f("fk_calibrations_bundle_digest")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibrations")),
        sa.UniqueConstraint("bundle_digest", "name", name=op.f("uq_calibrations_bundle_digest_name")),
    )
    op.create_index(
        "uq_calibrations_one_active",
        "calibrations",
        ["bundle_digest"],
        unique=True,
        sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "calibration_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bundle_digest", sa.String(length=64), nullable=False),
        sa.Column("calibration_id", sa.Integer(), nullable=True),
        sa.Column("previous_id", sa.Integer(), nullable=True),
        sa.Column("rollback", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(length=256), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["bundle_digest"], ["models.digest"], name=op.f("fk_calibration_changes_bundle_digest")
        ),
        sa.ForeignKeyConstraint(
            ["calibration_id"], ["calibrations.id"], name=op.f("fk_calibration_changes_calibration_id")
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["calibrations.id"], name=op.f("fk_calibration_changes_previous_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration_changes")),
    )
    op.create_index(
        "ix_calibration_changes_bundle_digest", "calibration_changes", ["bundle_digest"], unique=False
    )


def downgrade() -> None:
    op.drop_table("calibration_changes")
    op.drop_table("calibrations")
