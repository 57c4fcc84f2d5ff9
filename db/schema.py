"""Migration of a database to the newest revision, and the revision that it is at.

Every process asks for the revision when it starts, and few migrate: Alembic is imported where it is needed.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, MetaData, create_engine, inspect, text

from db.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

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
    from alembic import command

    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))  # services finish what they are at
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    config = _make_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def downgrade(database: Database, revision: str) -> None:
    """Revert migrations down to `revision` (`base` empties the database)."""
    from alembic import command

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
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def is_behind(database: Database) -> bool:
    """True when the database lacks migrations that this version of tbscreen needs.

    A newer database is no problem: migrations expand before they contract.
    """
    here = find_revision(database)
    return here is None or (is_known(here) and here != newest_revision())


def is_known(revision: str) -> bool:
    """True for a migration that this version of tbscreen has."""
    return revision in _list_revisions()


@lru_cache(maxsize=2)
def reflect(revision: str) -> MetaData:
    """Return the tables that a database at `revision` has, as its migrations make them.

    The types are those of SQLite; names, order and meaning of the columns hold for PostgreSQL, too. The same
    object comes back for the same revision: it is read only.
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
    return _list_revisions()[-1]


@lru_cache(maxsize=1)
def _list_revisions() -> list[str]:
    """Return all migrations, oldest first, by the numbers in the names of their files."""
    return sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _make_config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
