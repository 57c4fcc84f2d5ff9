"""The command `restore`: check a whole backup, then put it in place of the database's content."""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from db import schema
from db.backup import restore_target
from db.backup.table_rows import list_tables, set_sequences, write_rows
from db.database import Database
from db.erasure import erasures
from db.erasure.digests import Digests
from db.erasure.erasures import ErasedAgain, ErasureEntry
from dicom_gateway.settings import spool_directory
from dicom_gateway.spool import Spool
from domain.errors import PermanentError
from tbscreen.backup import erasure_register
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
    erased: ErasedAgain
    """Erasures since the backup, that were made again."""


def restore(
    settings: Settings,
    path: Path,
    *,
    replace: bool = False,
    without_erasures: bool = False,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Restored:
    """Restore a backup.

    First the file is read and checked to its end and the target looked at; only then anything is changed, in
    one transaction: the tables of the backup's migration are made, filled, brought to this version's
    migration, and checked; what was erased since the backup is erased again. Whatever goes wrong before its
    end leaves the database as it was.

    Args:
        settings: which database.
        path: of the backup.
        replace: whether what the database holds may go.
        without_erasures: whether erasures whose key is not here may be left out.
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
            erasures_here = _gather_erasures(settings, database, path.parent)
            keys = erasure_register.load_keys(settings.data_directory)
            if not without_erasures:
                _check_keys(erasures_here, keys, settings.data_directory)
            broken = backup.verify(counting("checking", manifest.rows, progress))
            with _filled(
                database, backup, replace, counting("restoring", manifest.rows, progress)
            ) as connection:
                erased = _erase_again(connection, erasures_here, keys)
            if database.engine.dialect.name == "postgresql":
                _analyze(database)
    return Restored(manifest, broken, schema.newest_revision(), erased)


def _gather_erasures(settings: Settings, database: Database, folder: Path) -> list[ErasureEntry]:
    """Return the erasures of the registers beside the backup, in the data directory and in the database."""
    found = [
        *erasure_register.read(folder / erasure_register.BESIDE_BACKUPS),
        *erasure_register.read(settings.data_directory / erasure_register.IN_DATA),
    ]
    here = schema.find_revision(database)
    if here is not None and not schema.is_behind(database):
        with database.read() as session:
            found += erasures.list_erasures(session)
    return list({entry.token: entry for entry in found}.values())


def _check_keys(entries: list[ErasureEntry], keys: Mapping[str, Digests], folder: Path) -> None:
    lost = erasure_register.find_unknown_keys(entries, keys)
    if lost:
        hosts = ", ".join(sorted({entry.erased_by.rpartition("@")[2] for entry in lost}))
        raise PermanentError(
            f"{len(lost)} erasures cannot be made again without their key: copy {erasure_register.KEY} from "
            f"the data directory of {hosts} into {folder} (a second one as erasure-2.key), or give "
            "--without-erasures and erase these patients by hand"
        )


def _erase_again(
    connection: Connection, entries: list[ErasureEntry], keys: Mapping[str, Digests]
) -> ErasedAgain:
    with Session(connection) as session:
        fresh = erasures.register(session, entries)
        known = [entry for entry in fresh if not entry.key_id or entry.key_id in keys]
        again = erasures.erase_again(session, known, keys)
        session.commit()
    dangling = restore_target.check_references(connection)
    if dangling:
        raise PermanentError(f"erasures left rows of {', '.join(dangling)} behind; nothing was restored")
    return again


@contextmanager
def _filled(
    database: Database, backup: BackupFile, replace: bool, progress: Callable[[int], None]
) -> Iterator[Connection]:
    """Fill the database; further changes of the block belong to the same transaction."""
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
        yield connection


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
