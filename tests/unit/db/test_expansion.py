"""Since the version before, migrations have only added: two versions run side by side on one database."""

from __future__ import annotations

import pytest
from sqlalchemy import MetaData, create_engine, text

from db import schema
from db.database import Database
from tests.schema_contract import find_contractions
from tests.servers.previous_version import Previous, list_previous

FIRST = "CREATE TABLE parents (id INTEGER PRIMARY KEY)"
BEFORE = (
    "CREATE TABLE films (id INTEGER PRIMARY KEY, state VARCHAR(16) NOT NULL, view VARCHAR(16), "
    "urgent BOOLEAN NOT NULL DEFAULT false, parent INTEGER, UNIQUE (state, view))"
)
CHANGES = {
    "films is gone": ("films", "pictures"),
    "films.parent is gone": ("parent INTEGER, ", ""),
    "films.state is VARCHAR(8), was VARCHAR(16)": ("state VARCHAR(16)", "state VARCHAR(8)"),
    "films.state is INTEGER, was VARCHAR(16)": ("state VARCHAR(16)", "state INTEGER"),
    "films.view may not be empty any more": ("view VARCHAR(16)", "view VARCHAR(16) NOT NULL"),
    "films.state may be empty, which it could not": ("state VARCHAR(16) NOT NULL", "state VARCHAR(16)"),
    "films.urgent has no default any more": ("NOT NULL DEFAULT false", "NOT NULL"),
    "films.side is new and has no default": ("parent INTEGER", "parent INTEGER, side INTEGER NOT NULL"),
    "films: (state, view) is not unique any more": (", UNIQUE (state, view)", ""),
    "films: (view) must be unique": ("(state, view)", "(state, view), UNIQUE (view)"),
    "films: (parent) must be in parents": ("parent INTEGER", "parent INTEGER REFERENCES parents (id)"),
    "films: must be state <> ''": ("NOT NULL, view", "NOT NULL CHECK (state <> ''), view"),
}
EXPANSIONS = {
    "a wider column": ("state VARCHAR(16)", "state VARCHAR(32)"),
    "a column of unlimited width": ("state VARCHAR(16)", "state VARCHAR"),
    "a column that may be empty": ("parent INTEGER", "parent INTEGER, side INTEGER"),
    "a column with a default": ("parent INTEGER", "parent INTEGER, side INTEGER NOT NULL DEFAULT 0"),
    "a column that is computed": ("parent INTEGER", "parent INTEGER, side INTEGER AS (id + 1) STORED"),
    "a new column that is unique": ("parent INTEGER", "parent INTEGER, side INTEGER, UNIQUE (side)"),
    "a new reference": ("parent INTEGER", "parent INTEGER, side INTEGER REFERENCES parents (id)"),
}


@pytest.mark.parametrize("previous", list_previous(), ids=str)
def test_migrations_since_the_version_before_only_expand(
    empty_database: Database, previous: Previous
) -> None:
    schema.upgrade(empty_database, previous.migration)
    assert schema.find_revision(empty_database) == previous.migration
    before = _reflect(empty_database)
    schema.upgrade(empty_database)
    assert find_contractions(before, _reflect(empty_database)) == []


@pytest.mark.parametrize(("found", "change"), CHANGES.items())
def test_what_a_migration_takes_away_is_found(found: str, change: tuple[str, str]) -> None:
    assert _compare(change) == [found]


@pytest.mark.parametrize("change", EXPANSIONS.values(), ids=EXPANSIONS)
def test_what_only_adds_is_let_pass(change: tuple[str, str]) -> None:
    assert _compare(change) == []


def _compare(change: tuple[str, str]) -> list[str]:
    after = BEFORE.replace(*change)
    assert after != BEFORE
    return find_contractions(_make(BEFORE), _make(after))


def _make(statement: str) -> MetaData:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text(FIRST))
        connection.execute(text(statement))
        metadata = MetaData()
        metadata.reflect(connection)
    engine.dispose()
    return metadata


def _reflect(database: Database) -> MetaData:
    metadata = MetaData()
    metadata.reflect(database.engine)
    return metadata
