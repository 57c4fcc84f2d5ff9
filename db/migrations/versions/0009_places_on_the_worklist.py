"""Every page of the worklist, filtered or not, becomes an index range.

It only adds. `place` is computed by the database, so that a version that knows 0008 alone keeps it right;
what such a version receives meanwhile has NULL in the other columns until its next film or result.
"""

from datetime import UTC
from typing import Any

import sqlalchemy as sa
from alembic import op

from db.worklist.search_keys import fold, fold_name
from db.worklist.studies import join_values

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TEXTS = {
    "modalities": 256,
    "stations": 256,
    "senders": 256,
    "received_day": 8,
    "accession_key": 64,
    "patient_id_key": 64,
    "name_key": 64,
}
ORDERED = ("state", "refusal", "modalities", "stations", "senders", "study_date", "received_day")
KEYS = ("accession_key", "patient_id_key", "name_key")
ORDER = ("place", "received_at", "id")
BATCH = 2000

studies = sa.table(
    "studies",
    *(sa.column(name) for name in ("id", "accession_number", "patient_id", "patient_name", *TEXTS)),
    sa.column("received_at", sa.DateTime(timezone=True)),
)
instances = sa.table(
    "instances",
    *(sa.column(name) for name in ("study_id", "modality", "station_name", "calling_ae_title", "refusal")),
    sa.column("current", sa.Boolean()),
)


def upgrade() -> None:
    for name, length in TEXTS.items():
        op.add_column("studies", sa.Column(name, sa.String(length=length), nullable=True))
    fill(op.get_bind())
    # SQLite adds no stored column to a table that is there, PostgreSQL has no other kind before 18.
    persisted = op.get_bind().dialect.name == "postgresql"
    expression = "CASE WHEN is_read THEN 16 ELSE 0 END + 4 * (3 - priority_rank) + (1 - sort_probability)"
    op.add_column(
        "studies",
        sa.Column("place", sa.Double(), sa.Computed(expression, persisted=persisted), nullable=True),
    )
    op.create_index("ix_studies_place", "studies", [*ORDER, *reversed(KEYS)])
    for name in ORDERED:
        op.create_index(f"ix_studies_by_{name}", "studies", [name, *ORDER])
    for name in KEYS:
        op.create_index(
            f"ix_studies_{name}", "studies", [name, *ORDER], postgresql_ops={name: "varchar_pattern_ops"}
        )


def fill(connection: sa.Connection) -> None:
    change = (
        sa.update(studies)
        .where(studies.c.id == sa.bindparam("row"))
        .values({name: sa.bindparam(f"new_{name}") for name in TEXTS})
    )
    last = 0
    while rows := connection.execute(
        sa.select(studies).where(studies.c.id > last).order_by(studies.c.id).limit(BATCH)
    ).all():
        films: dict[int, list[sa.Row[Any]]] = {row.id: [] for row in rows}
        for film in connection.execute(
            sa.select(instances).where(
                instances.c.study_id.between(rows[0].id, rows[-1].id),
                instances.c.current,
                sa.func.coalesce(instances.c.refusal, "") != "own_output",
            )
        ):
            films[film.study_id].append(film)
        connection.execute(change, [describe(row, films[row.id]) for row in rows])
        last = rows[-1].id


def describe(row: sa.Row[Any], films: list[sa.Row[Any]]) -> dict[str, object]:
    moment = row.received_at
    return {
        "row": row.id,
        "new_modalities": join_values(film.modality for film in films),
        "new_stations": join_values(film.station_name for film in films),
        "new_senders": join_values(film.calling_ae_title for film in films),
        "new_received_day": f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y%m%d}",
        "new_accession_key": fold(row.accession_number),
        "new_patient_id_key": fold(row.patient_id),
        "new_name_key": fold_name(row.patient_name),
    }


def downgrade() -> None:
    for name in KEYS:
        op.drop_index(f"ix_studies_{name}", table_name="studies")
    for name in ORDERED:
        op.drop_index(f"ix_studies_by_{name}", table_name="studies")
    op.drop_index("ix_studies_place", table_name="studies")
    op.drop_column("studies", "place")
    for name in TEXTS:
        op.drop_column("studies", name)
