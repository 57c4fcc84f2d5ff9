"""Brings a database to the newest migration."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from db import account_tables as account_tables  # its tables belong to the metadata that is migrated
from db.database import Database

MIGRATIONS: Final = Path(__file__).parent / "migrations"

ADVISORY_LOCK: Final = 0x7B5C12EE
"""Key of the PostgreSQL lock under which one process at a time migrates."""


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply all migrations that the database lacks, up to `revision`: all or none, one process at a time.

    One transaction holds every step. Left to itself Alembic commits after each one on SQLite, and a process
    that waits for the write lock gets in between two of them and applies the second once more.
    """
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        config = _make_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def downgrade(database: Database, revision: str) -> None:
    """Take migrations back down to `revision` (`base` empties the database)."""
    with database.engine.begin() as connection:
        config = _make_config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def find_revision(database: Database) -> str | None:
    """Return the migration that the database is at, or None for an empty one."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_behind(database: Database) -> bool:
    """True when the database lacks migrations that this version of tbscreen needs.

    A database that is ahead is fine: migrations expand before they contract.
    """
    here = find_revision(database)
    known = {script.revision for script in ScriptDirectory.from_config(_make_config()).walk_revisions()}
    return here is None or (here in known and here != newest_revision())


def newest_revision() -> str:
    """Return the newest migration that this version of tbscreen knows."""
    head = ScriptDirectory.from_config(_make_config()).get_current_head()
    assert head is not None
    return head


def _make_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
