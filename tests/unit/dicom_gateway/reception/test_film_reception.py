"""The commits of a reception, and their order."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from sqlalchemy import func, select

from db.database import Database
from db.tables import Instance
from dicom_gateway.reception.film_reception import _record
from tests.unit import rows


def test_a_film_whose_name_does_not_reach_the_disk_leaves_no_row(sqlite_database: Database) -> None:
    synced: Future[None] = Future()
    synced.set_exception(OSError("the disk is broken"))
    with pytest.raises(OSError, match="broken"), sqlite_database.write() as session:
        _record(session, rows.make_film(), synced)
    with sqlite_database.read() as session:
        assert session.scalar(select(func.count()).select_from(Instance)) == 0

    durable: Future[None] = Future()
    durable.set_result(None)
    with sqlite_database.write() as session:
        assert _record(session, rows.make_film(), durable).new
    with sqlite_database.read() as session:
        assert session.scalar(select(func.count()).select_from(Instance)) == 1
