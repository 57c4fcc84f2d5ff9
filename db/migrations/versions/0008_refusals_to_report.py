"""Refused films may be reported too: an outbox for them, and report objects that belong to no screening.

It only expands: a version that knows 0007 alone goes on beside it and sees nothing of the new outbox.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OF_SCREENING = "CONSTRAINT fk_report_objects_screening_id FOREIGN KEY"
OF_INSTANCE = "CONSTRAINT fk_report_objects_instance_id FOREIGN KEY(instance_id) REFERENCES instances (id), "
SQLITE_REWRITES = (
    ("screening_id INTEGER NOT NULL", "screening_id INTEGER"),
    (OF_SCREENING, OF_INSTANCE + OF_SCREENING),
)


def upgrade() -> None:
    op.create_table(
        "refusal_outbox",
        sa.Column("instance_id", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["instances.id"], name=op.f("fk_refusal_outbox_instance_id")
        ),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_refusal_outbox")),
    )
    op.create_index("ix_refusal_outbox_due_at", "refusal_outbox", ["due_at"], unique=False)
    op.add_column("report_objects", sa.Column("instance_id", sa.Integer(), nullable=True))
    op.create_index("ix_report_objects_instance_id", "report_objects", ["instance_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        _rewrite_sqlite(SQLITE_REWRITES)
    else:
        op.create_foreign_key(
            "fk_report_objects_instance_id", "report_objects", "instances", ["instance_id"], ["id"]
        )
        op.alter_column("report_objects", "screening_id", nullable=True)


def downgrade() -> None:
    op.execute(
        "DELETE FROM commitment_items WHERE delivery_id IN (SELECT id FROM deliveries WHERE "
        "sop_instance_uid IN (SELECT sop_instance_uid FROM report_objects WHERE screening_id IS NULL))"
    )
    op.execute(
        "DELETE FROM deliveries WHERE "
        "sop_instance_uid IN (SELECT sop_instance_uid FROM report_objects WHERE screening_id IS NULL)"
    )
    op.execute("DELETE FROM report_objects WHERE screening_id IS NULL")
    op.drop_index("ix_report_objects_instance_id", table_name="report_objects")
    if op.get_bind().dialect.name == "sqlite":
        _rewrite_sqlite(tuple((after, before) for before, after in SQLITE_REWRITES))
    else:
        op.alter_column("report_objects", "screening_id", nullable=False)
    op.drop_column("report_objects", "instance_id")
    op.drop_table("refusal_outbox")


def _rewrite_sqlite(rewrites: tuple[tuple[str, str], ...]) -> None:
    """Change a column's NOT NULL and add a constraint, which SQLite's ALTER TABLE cannot, in the way that its
    manual gives for it (lang_altertable, "Making Other Kinds Of Table Schema Changes"): no report is copied,
    and the tables that refer to this one are left alone.
    """
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    changed = [
        connection.exec_driver_sql(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) "
            "WHERE type = 'table' AND name = 'report_objects' AND instr(sql, ?) > 0",
            (before, after, before),
        ).rowcount
        for before, after in rewrites
    ]
    connection.exec_driver_sql(f"PRAGMA schema_version={int(version) + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema=RESET")
    if changed != [1] * len(rewrites):
        raise RuntimeError("report_objects is not as the migrations before made it")
