"""Each reader's newest read of a study, disagreements of readers, and who has a study open.

It only adds: `reads.current` stays the one read of a study that a version without these columns shows. Reads
that such a version writes have no `standing_reader` until the study's next read.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

STANDING = """
    UPDATE reads SET standing_reader = reader WHERE id IN (
        SELECT max(id) FROM reads WHERE withdrawn_at IS NULL GROUP BY study_id, reader
    )
"""

YOUNG = """
    reads.standing_reader IS NOT NULL AND reads.read_at >= (
        SELECT coalesce(max(instances.received_at), reads.read_at) FROM instances
        WHERE instances.study_id = reads.study_id AND instances.current
        AND (instances.refusal IS NULL OR instances.refusal <> 'own_output')
    )
"""
"""Reads that are not older than the newest film of their study."""


def upgrade() -> None:
    op.add_column("reads", sa.Column("standing_reader", sa.String(256), nullable=True))
    op.add_column("reads", sa.Column("arbitrates", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("studies", sa.Column("differing_verdicts", sa.String(64), nullable=True))
    op.add_column("studies", sa.Column("opened_by", sa.String(256), nullable=True))
    op.add_column("studies", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(STANDING)
    _mark_differing()
    standing = sa.text("standing_reader IS NOT NULL")
    op.create_index(
        "uq_reads_standing",
        "reads",
        ["study_id", "standing_reader"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
    differing = sa.text("differing_verdicts IS NOT NULL")
    op.create_index(
        "ix_studies_by_differing_verdicts",
        "studies",
        ["differing_verdicts", "place", "received_at", "id"],
        sqlite_where=differing,
        postgresql_where=differing,
    )


def _mark_differing() -> None:
    """Mark the studies whose readers differ, as `db.worklist.standing_reads` finds them."""
    connection = op.get_bind()
    several = connection.execute(
        sa.text(
            "SELECT study_id FROM reads WHERE standing_reader IS NOT NULL "
            "GROUP BY study_id HAVING count(DISTINCT verdict) > 1"
        )
    ).scalars()
    for study_id in list(several):
        verdicts = connection.execute(
            sa.text(f"SELECT DISTINCT verdict FROM reads WHERE study_id = :study AND {YOUNG}"),  # noqa: S608
            {"study": study_id},
        ).scalars()
        if len(differing := sorted(verdicts)) > 1:
            connection.execute(
                sa.text("UPDATE studies SET differing_verdicts = :verdicts WHERE id = :study"),
                {"verdicts": "\\".join(differing), "study": study_id},
            )


def downgrade() -> None:
    op.drop_index("ix_studies_by_differing_verdicts", table_name="studies")
    op.drop_index("uq_reads_standing", table_name="reads")
    op.drop_column("studies", "opened_at")
    op.drop_column("studies", "opened_by")
    op.drop_column("studies", "differing_verdicts")
    op.drop_column("reads", "arbitrates")
    op.drop_column("reads", "standing_reader")
