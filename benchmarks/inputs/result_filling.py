"""Reads, reports and deliveries for studies of a filled database."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select, text

from db.database import Database
from db.tables import Delivery

STATEMENTS: Final = (
    """
    INSERT INTO reads (study_id, verdict, reader, read_at, current)
    SELECT id,
        CASE WHEN id % 50 = 0 THEN 'unsure'
            WHEN id % 1000 * 7919 % 1000 < 500 * probability THEN 'tb' ELSE 'not_tb' END,
        'reader', received_at, true
    FROM studies WHERE is_read AND probability IS NOT NULL AND id <= :count
    """,
    """
    INSERT INTO report_objects (sop_instance_uid, screening_id, sop_class_uid, kind, created_at, part10)
    SELECT '2.25.' || CAST(id AS TEXT) || '.9', id, '1.2.840.10008.5.1.4.1.1.88.34', 'sr',
        finished_at, :part10
    FROM screenings WHERE id <= :count
    """,
    """
    INSERT INTO deliveries (sop_instance_uid, peer, state, attempts, due_at, created_at, delivered_at)
    SELECT sop_instance_uid, 'pacs', 'delivered', 1, created_at, created_at, created_at
    FROM report_objects
    """,
)


def fill_results(database: Database, count: int) -> None:
    """Write reads, reports (of one byte) and deliveries of the first `count` studies, once."""
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        if connection.scalar(select(func.count()).select_from(Delivery)):
            return
        for statement in STATEMENTS:
            connection.execute(text(statement), {"count": count, "part10": b"\0"})
