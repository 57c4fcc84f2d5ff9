"""Further search keys of studies: given names, component groups of names, words of numbers.

It only adds. Studies that a version without the table makes have no further keys until their next film; their
columns' keys find them as before.
"""

import sqlalchemy as sa
from alembic import op

from db.worklist.search_keys import list_further_keys

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

BATCH = 5000

studies = sa.table(
    "studies",
    *(sa.column(name) for name in ("id", "patient_name", "patient_id", "accession_number")),
)
keys = sa.table("study_keys", sa.column("study_id"), sa.column("key"))


def upgrade() -> None:
    op.create_table(
        "study_keys",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name="fk_study_keys_study_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_id", "key", name="pk_study_keys"),
        sqlite_with_rowid=False,
    )
    fill(op.get_bind())
    op.create_index(
        "ix_study_keys_key",
        "study_keys",
        ["key", "study_id"],
        postgresql_ops={"key": "varchar_pattern_ops"},
    )


def fill(connection: sa.Connection) -> None:
    last = 0
    while rows := connection.execute(
        sa.select(studies).where(studies.c.id > last).order_by(studies.c.id).limit(BATCH)
    ).all():
        made = [
            {"study_id": row.id, "key": key}
            for row in rows
            for key in list_further_keys(row.patient_name, row.patient_id, row.accession_number)
        ]
        if made:
            connection.execute(sa.insert(keys), made)
        last = rows[-1].id


def downgrade() -> None:
    op.drop_index("ix_study_keys_key", table_name="study_keys")
    op.drop_table("study_keys")
