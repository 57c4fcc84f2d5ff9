"""Indexes of the worklist by day and station also hold station and sender, which filters often combine.

It changes indexes alone.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ORDER: Final = ("place", "received_at", "id")
LOOKED_UP: Final[Mapping[str, Sequence[str]]] = {
    "study_date": ("stations", "senders"),
    "received_day": ("stations", "senders"),
    "stations": ("senders",),
    "senders": ("stations",),
}


def upgrade() -> None:
    for column, others in LOOKED_UP.items():
        op.drop_index(f"ix_studies_by_{column}", table_name="studies")
        op.create_index(f"ix_studies_by_{column}", "studies", [column, *ORDER, *others])


def downgrade() -> None:
    for column in LOOKED_UP:
        op.drop_index(f"ix_studies_by_{column}", table_name="studies")
        op.create_index(f"ix_studies_by_{column}", "studies", [column, *ORDER])
