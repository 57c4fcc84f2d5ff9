"""Canary films, their expected scores, and the last verdict of each gateway. It only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "canaries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("film_digest", sa.String(64), nullable=False),
        sa.Column("gateway", sa.String(128), nullable=False),
        sa.Column("issued_at", moment, nullable=False),
        sa.Column("deadline_at", moment, nullable=False),
        sa.Column("received_at", moment, nullable=True),
        sa.Column("spool_path", sa.String(256), nullable=True),
        sa.Column("taken_at", moment, nullable=True),
        sa.Column("queued_at", moment, nullable=True),
        sa.Column("bundle_digest", sa.String(64), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("runtime", sa.String(16), nullable=True),
        sa.Column("precision", sa.String(16), nullable=True),
        sa.Column("worker", sa.String(128), nullable=True),
        sa.Column("scored_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_canaries"),
        sa.UniqueConstraint("sop_instance_uid", name="uq_canaries_sop_instance_uid"),
        sa.ForeignKeyConstraint(["bundle_digest"], ["models.digest"], name="fk_canaries_bundle_digest"),
    )
    for column in ("gateway", "spool_path"):
        op.create_index(f"ix_canaries_{column}", "canaries", [column])
    op.create_table(
        "canary_scores",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bundle_digest", sa.String(64), nullable=False),
        sa.Column("drawing", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("runtime", sa.String(16), nullable=False),
        sa.Column("precision", sa.String(16), nullable=False),
        sa.Column("pinned_at", moment, nullable=False),
        sa.Column("pinned_by", sa.String(256), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_canary_scores"),
        sa.UniqueConstraint(
            "bundle_digest", "drawing", "revision", name="uq_canary_scores_bundle_digest_drawing_revision"
        ),
        sa.ForeignKeyConstraint(["bundle_digest"], ["models.digest"], name="fk_canary_scores_bundle_digest"),
    )
    op.create_table(
        "canary_verdicts",
        sa.Column("gateway", sa.String(128), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("judged_at", moment, nullable=False),
        sa.Column("good_at", moment, nullable=True),
        sa.Column("next_by", moment, nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("bundle_digest", sa.String(64), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("expected", sa.Double(), nullable=True),
        sa.Column("runtime", sa.String(16), nullable=True),
        sa.Column("precision", sa.String(16), nullable=True),
        sa.Column("worker", sa.String(128), nullable=True),
        sa.PrimaryKeyConstraint("gateway", name="pk_canary_verdicts"),
        sa.ForeignKeyConstraint(
            ["bundle_digest"], ["models.digest"], name="fk_canary_verdicts_bundle_digest"
        ),
    )


def downgrade() -> None:
    op.drop_table("canary_verdicts")
    op.drop_table("canary_scores")
    op.drop_table("canaries")
