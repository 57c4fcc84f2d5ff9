"""Columns for reports: institution and grey values of a film, and an index by the time of reception.

It only adds; institutions of films that are there are taken from their headers. A version that knows 0005
alone goes on beside it and leaves the new columns empty.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTITUTION = {
    "sqlite": """json_extract(header, '$."00080080".Value[0]')""",
    "postgresql": "header #>> '{00080080,Value,0}'",
}


def upgrade() -> None:
    op.add_column("instances", sa.Column("institution_name", sa.String(length=64), nullable=True))
    for name in ("array_mean", "array_deviation", "array_dark"):
        op.add_column("instances", sa.Column(name, sa.Double(), nullable=True))
    dialect = op.get_bind().dialect.name
    place = INSTITUTION[dialect]
    # PostgreSQL keeps a NUL in JSON as it was written, and reads no value of such a row.
    readable = " WHERE position('\\u0000' IN header::text) = 0" if dialect == "postgresql" else ""
    op.execute(f"UPDATE instances SET institution_name = substr({place}, 1, 64){readable}")  # noqa: S608
    op.execute("UPDATE instances SET institution_name = NULL WHERE trim(institution_name) = ''")
    op.create_index("ix_instances_received_at", "instances", ["received_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_instances_received_at", table_name="instances")
    for name in ("array_dark", "array_deviation", "array_mean", "institution_name"):
        op.drop_column("instances", name)
