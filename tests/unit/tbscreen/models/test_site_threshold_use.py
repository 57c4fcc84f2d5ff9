"""A table by age and sex is taken into use, also again, only whole and as each threshold was signed."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select

from db.database import Database
from db.models import site_thresholds
from db.models.site_thresholds import NAME
from db.models.threshold_groups import GROUP, GROUPS
from db.tables import Model, SiteThreshold
from domain.errors import PermanentError
from tbscreen.models.site_threshold_use import roll_back_threshold, use_threshold
from tests.unit import rows

CELL = f"{NAME}_f_25_44"


def sign(content: bytes) -> str:
    return hashlib.sha256(b"a key" + content).hexdigest()


@pytest.fixture
def table(sqlite_database: Database) -> int:
    """Number of a table that is not in use: women of 25 to 44 from 0.3, everybody else from 0.6."""
    rows.register_model(sqlite_database)
    common = {
        "operating_points": [{"name": NAME, "threshold": 0.6}],
        GROUPS: [{"sex": "F", "first": 25, "last": 44, "name": CELL}],
    }
    cell = {
        "operating_points": [{"name": CELL, "threshold": 0.3}],
        GROUP: {"table": NAME, "people": "women of 25 to 44", "reason": ""},
    }
    with sqlite_database.write() as session:
        entry = site_thresholds.keep(session, rows.DIGEST, "me@here", common, sign, {"_f_25_44": cell})
    return entry.calibration_id


def find_in_use(database: Database) -> str:
    with database.read() as session:
        return site_thresholds.find_operating_point(session, session.get_one(Model, rows.DIGEST))


def find_cell(database: Database) -> int:
    with database.read() as session:
        ids = session.scalars(select(SiteThreshold.id).where(SiteThreshold.name.endswith("_f_25_44")))
        return ids.one()


def test_a_table_is_used_as_it_was_signed(sqlite_database: Database, table: int) -> None:
    use_threshold(sqlite_database, table, "me@here", sign)
    assert find_in_use(sqlite_database).startswith("local_")


def change_cell(database: Database) -> int:
    """Change the threshold of the cell as one who writes in the database could; return its number."""
    number = find_cell(database)
    with database.write() as session:
        cell = session.get_one(SiteThreshold, number)
        cell.record = {**cell.record, "operating_points": [{"name": cell.name, "threshold": 0.9}]}
    return number


def test_a_cell_that_was_changed_is_not_believed(sqlite_database: Database, table: int) -> None:
    number = change_cell(sqlite_database)
    with pytest.raises(PermanentError, match=f"calibration {number} is not what was signed"):
        use_threshold(sqlite_database, table, "me@here", sign)
    assert find_in_use(sqlite_database) == "screening"


def test_no_rollback_to_what_was_changed_since(sqlite_database: Database, table: int) -> None:
    use_threshold(sqlite_database, table, "me@here", sign)
    with sqlite_database.write() as session:
        plain = {"operating_points": [{"name": NAME, "threshold": 0.5}]}
        second = site_thresholds.keep(session, rows.DIGEST, "me@here", plain, sign)
    use_threshold(sqlite_database, second.calibration_id, "me@here", sign)
    number = change_cell(sqlite_database)
    with pytest.raises(PermanentError, match=f"calibration {number} is not what was signed"):
        roll_back_threshold(sqlite_database, "active", "me@here", sign)
    assert find_in_use(sqlite_database) == second.name


def test_a_table_that_lost_a_cell_is_refused(sqlite_database: Database, table: int) -> None:
    with sqlite_database.write() as session:
        session.delete(session.get_one(SiteThreshold, find_cell(sqlite_database)))
    with pytest.raises(PermanentError, match="has lost its thresholds local_"):
        use_threshold(sqlite_database, table, "me@here", sign)
    assert find_in_use(sqlite_database) == "screening"
