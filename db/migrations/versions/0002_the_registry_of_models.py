"""The registry of models: activations with user and reason, comparisons, and a candidate in the shadow.

It only adds: a version that knows 0001 alone goes on beside it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("models", sa.Column("shadow", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "uq_models_one_shadow",
        "models",
        ["shadow"],
        unique=True,
        sqlite_where=sa.text("shadow"),
        postgresql_where=sa.text("shadow"),
    )

    op.create_table(
        "activations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bundle_digest", sa.String(length=64), nullable=False),
        sa.Column("previous_digest", sa.String(length=64), nullable=True),
        sa.Column("rollback", sa.Boolean(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_by", sa.String(length=256), nullable=False),
        sa.Column("forced_reason", sa.Text(), nullable=True),
        sa.Column("comparison", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["bundle_digest"], ["models.digest"], name=op.f("fk_activations_bundle_digest")
        ),
        sa.ForeignKeyConstraint(
            ["previous_digest"], ["models.digest"], name=op.f("fk_activations_previous_digest")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activations")),
    )

    op.create_table(
        "comparisons",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("candidate_digest", sa.String(length=64), nullable=False),
        sa.Column("reference_digest", sa.String(length=64), nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("compared_by", sa.String(length=256), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_digest"], ["models.digest"], name=op.f("fk_comparisons_candidate_digest")
        ),
        sa.ForeignKeyConstraint(
            ["reference_digest"], ["models.digest"], name=op.f("fk_comparisons_reference_digest")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparisons")),
    )
    op.create_index(
        "ix_comparisons_pair", "comparisons", ["candidate_digest", "reference_digest"], unique=False
    )

    op.create_table(
        "shadow_screenings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.Integer(), nullable=False),
        sa.Column("bundle_digest", sa.String(length=64), nullable=False),
        sa.Column("worker", sa.String(length=128), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("operating_point", sa.String(length=64), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("calibrated_threshold", sa.Double(), nullable=True),
        sa.Column("finding", sa.String(length=16), nullable=True),
        sa.Column("priority", sa.String(length=8), nullable=True),
        sa.ForeignKeyConstraint(
            ["bundle_digest"], ["models.digest"], name=op.f("fk_shadow_screenings_bundle_digest")
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["instances.id"], name=op.f("fk_shadow_screenings_instance_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow_screenings")),
        sa.UniqueConstraint(
            "instance_id", "bundle_digest", name=op.f("uq_shadow_screenings_instance_id_bundle_digest")
        ),
    )
    op.create_index(
        "ix_shadow_screenings_worker",
        "shadow_screenings",
        ["bundle_digest", "worker", "started_at"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_shadow_screenings_worker", table_name="shadow_screenings")
    op.drop_table("shadow_screenings")
    op.drop_index("ix_comparisons_pair", table_name="comparisons")
    op.drop_table("comparisons")
    op.drop_table("activations")
    op.drop_index("uq_models_one_shadow", table_name="models")
    op.drop_column("models", "shadow")
