"""Golden scores, signatures and trust of bundles; runtime and precision of screenings.

It only adds. Bundles that are registered by now count as trusted. A bundle that a version of 0019 registers
later is not trusted until a person gives a reason or a site key has signed it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SCREENED = ("screenings", "shadow_screenings")


def upgrade() -> None:
    admissions = op.create_table(
        "bundle_admissions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("golden_scores", sa.JSON(), nullable=True),
        sa.Column("golden_origin", sa.String(length=16), nullable=True),
        sa.Column("trust", sa.String(length=16), nullable=True),
        sa.Column("trust_reason", sa.Text(), nullable=True),
        sa.Column("trusted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trusted_by", sa.String(length=256), nullable=True),
        sa.ForeignKeyConstraint(["digest"], ["models.digest"], name=op.f("fk_bundle_admissions_digest")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_bundle_admissions")),
    )
    op.create_table(
        "bundle_signatures",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["models.digest"], name=op.f("fk_bundle_signatures_digest")),
        sa.PrimaryKeyConstraint("digest", "public_key", name=op.f("pk_bundle_signatures")),
    )
    op.create_table(
        "site_keys",
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("trusted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trusted_by", sa.String(length=256), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(length=256), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("public_key", name=op.f("pk_site_keys")),
    )
    for table in SCREENED:
        op.add_column(table, sa.Column("runtime", sa.String(length=16), nullable=True))
        op.add_column(table, sa.Column("precision", sa.String(length=16), nullable=True))
    models = sa.table("models", sa.column("digest", sa.String()), sa.column("registered_at"))
    registered = sa.select(
        models.c.digest, sa.literal("before"), models.c.registered_at, sa.literal("tbscreen")
    )
    columns = ["digest", "trust", "trusted_at", "trusted_by"]
    op.execute(sa.insert(admissions).from_select(columns, registered, include_defaults=False))


def downgrade() -> None:
    for table in SCREENED:
        op.drop_column(table, "precision")
        op.drop_column(table, "runtime")
    op.drop_table("site_keys")
    op.drop_table("bundle_signatures")
    op.drop_table("bundle_admissions")
