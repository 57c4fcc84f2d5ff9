"""The database that a restore empties."""

from __future__ import annotations

from sqlalchemy import inspect

from db import schema
from db.backup import restore_target
from db.database import Database


def test_idle_connections_of_this_process_are_no_users_of_the_database(empty_database: Database) -> None:
    schema.upgrade(empty_database)
    with empty_database.read(), empty_database.read():
        pass  # two connections are in the pool now
    with restore_target.emptied(empty_database, replace=True) as connection:
        assert inspect(connection).get_table_names() == []
