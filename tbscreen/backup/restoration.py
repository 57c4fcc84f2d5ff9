"""The command `restore`: check a whole backup, then put it in place of the database's content."""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import text

from db import schema
from db.backup import restore_target
from db.backup.table_rows import list_tables, set_sequences, write_rows
from db.database import Database
from dicom_gateway.settings import spool_directory
from dicom_gateway.spool import Spool
from domain.errors import PermanentError
from tbscreen.backup.backup_file import BackupFile, Manifest
from tbscreen.settings import Settings

NUMBERS_LEFT_OUT: Final = 100_000
"""Numbers left out after the newest row, so that the number of a lost row never leads to another film."""


INDEXES: Final = 1.2
"""Largest ratio of a database to its rows; pictures and reports have no index."""


@dataclass(frozen=True)
class Restored:
    """A restore that was done."""

    manifest: Manifest
    broken_bundles: list[str]
    """Digests of bundles whose files are not their own."""
    migrated_to: str


def restore(
    settings: Settings,
    path: Path,
    *,
    replace: bool = False,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Restored:
    """Restore a backup.

    First the file is read and checked to its end and the target looked at; only then anything is changed, in
    one transaction: the tables of the backup's migration are made, filled, brought to this version's
    migration, and checked. Whatever goes wrong before its end leaves the database as it was.

    Args:
        settings: which database.
        path: of the backup.
        replace: whether what the database holds may go.
        progress: told of a step, how many rows are done, and how many there are.

    Raises:
        PermanentError, TransientError: saying what to do.
        OSError, sqlalchemy.exc.SQLAlchemyError: when a disk or the database does not do what it should.
    """
    with BackupFile(path) as backup, _holding_still(settings):
        manifest = backup.manifest
        with closing(Database.open(settings.database_settings())) as database:
            restore_target.check(database, replace=replace)
            _check_space(database, manifest)
            broken = backup.verify(counting("checking", manifest.rows, progress))
            _fill(database, backup, replace, counting("restoring", manifest.rows, progress))
            if database.engine.dialect.name == "postgresql":
                _analyze(database)
    return Restored(manifest, broken, schema.newest_revision())


def _fill(database: Database, backup: BackupFile, replace: bool, progress: Callable[[int], None]) -> None:
    manifest = backup.manifest
    with restore_target.emptied(database, replace=replace) as connection:
        schema.upgrade_within(connection, manifest.migration)
        tables = list_tables(schema.reflect(manifest.migration))
        try:
            for table in tables:
                write_rows(connection, table, backup.read_table(table.name, progress))
        except (psycopg.Error, sqlite3.Error) as error:
            # The text of either may quote a row.
            raise PermanentError(
                f"{backup.path}: the database does not take its rows ({type(error).__name__}); "
                "it is as it was"
            ) from error
        dangling = restore_target.check_references(connection)
        if dangling:
            raise PermanentError(f"{backup.path}: rows of {', '.join(dangling)} refer to rows that it lacks")
        schema.upgrade_within(connection)
        restore_target.make_all_due(connection)
        for table in list_tables(schema.reflect(schema.newest_revision())):
            set_sequences(connection, table, NUMBERS_LEFT_OUT)


def _check_space(database: Database, manifest: Manifest) -> None:
    """Check the room on the disk of SQLite; the disk of a PostgreSQL server cannot be seen from here."""
    if database.engine.dialect.name != "sqlite":
        return
    file = Path(str(database.engine.url.database))
    # What is there now is kept beside the new content until the end.
    needed = int(manifest.bytes * INDEXES) + (file.stat().st_size if file.exists() else 0)
    free = shutil.disk_usage(file.parent).free
    if free < needed:
        raise PermanentError(
            f"{file.parent} has {free / 1e9:.2f} GB left, and {needed / 1e9:.2f} GB are needed: make room"
        )


def _analyze(database: Database) -> None:
    """Gather statistics for the query planner, which knows none of new tables."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def counting(step: str, total: int, progress: Callable[[str, int, int], None]) -> Callable[[int], None]:
    """Return what adds up rows for `progress`."""
    done = 0

    def count(further: int) -> None:
        nonlocal done
        done += further
        progress(step, done, total)

    return count


@contextmanager
def _holding_still(settings: Settings) -> Iterator[None]:
    """Hold the locks of supervisor and gateway in this data directory: neither runs, and none starts."""
    directory = settings.data_directory
    with ExitStack() as stack:
        if (directory / "run").is_dir():
            lock = stack.enter_context((directory / "run" / "lock").open("a"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise PermanentError(f"tbscreen runs in {directory}: end it first") from None
        if spool_directory(directory).is_dir():
            spool = Spool(spool_directory(directory))
            spool.lock()
            stack.callback(spool.unlock)
        yield
