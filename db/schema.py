"""Migration of a database to the newest revision, and the revision that it is at."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, text

from db.database import Database

MIGRATIONS: Final = Path(__file__).parent / "migrations"

ADVISORY_LOCK: Final = 0x7B5C12EE
"""Key of the PostgreSQL lock under which one process at a time migrates."""


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply all migrations that the database lacks, up to `revision`: all or none, one process at a time.

    One transaction holds every step. By default Alembic commits after each step on SQLite, and a process
    that waits for the write lock would run between two steps and apply the second one twice.
    """
    with database.engine.begin() as connection:
        upgrade_within(connection, revision)


def upgrade_within(connection: Connection, revision: str = "head") -> None:
    """Apply the migrations up to `revision` within the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))  # services finish what they are at
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    config = _make_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def downgrade(database: Database, revision: str) -> None:
    """Revert migrations down to `revision` (`base` empties the database)."""
    with database.engine.begin() as connection:
        config = _make_config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def find_revision(database: Database) -> str | None:
    """Return the migration that the database is at, or None for an empty one."""
    with database.engine.connect() as connection:
        return find_revision_within(connection)


def find_revision_within(connection: Connection) -> str | None:
    """Return the migration that the database is at, as the caller's transaction sees it."""
    return MigrationContext.configure(connection).get_current_revision()


def is_behind(database: Database) -> bool:
    """True when the database lacks migrations that this version of tbscreen needs.

    A newer database is no problem: migrations expand before they contract.
    """
    here = find_revision(database)
    return here is None or (is_known(here) and here != newest_revision())


def is_known(revision: str) -> bool:
    """True for a migration that this version of tbscreen has."""
    scripts = ScriptDirectory.from_config(_make_config()).walk_revisions()
    return revision in {script.revision for script in scripts}


def reflect(revision: str) -> MetaData:
    """Return the tables that a database at `revision` has, as its migrations make them.

    The types are those of SQLite; names, order and meaning of the columns hold for PostgreSQL, too.
    """
    engine = create_engine("sqlite://")
    tables = MetaData()
    with engine.begin() as connection:
        upgrade_within(connection, revision)
        tables.reflect(connection)
    engine.dispose()
    return tables


def newest_revision() -> str:
    """Return the newest migration that this version of tbscreen knows."""
    head = ScriptDirectory.from_config(_make_config()).get_current_head()
    assert head is not None
    return head


def _make_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
