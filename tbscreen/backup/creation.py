"""Carries out `backup`: one state of the database into one file, while the service runs."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from db import schema
from db.backup import backup_log
from db.backup.table_rows import Row, count_rows, is_heavy, list_columns, list_tables, read_rows
from db.database import Database, explain
from db.states import FilmState
from db.tables import Instance, Model
from domain.errors import PermanentError
from tbscreen import __version__
from tbscreen.backup import erasure_register
from tbscreen.backup.backup_file import FORMAT, BackupWriter, Manifest, ModelEntry
from tbscreen.processes.settings_audit import hide_all
from tbscreen.settings import Settings

SUFFIX: Final = ".backup"
PARTIAL: Final = ".partial"
SPARE_BYTES: Final = 50_000_000


@dataclass(frozen=True)
class Taken:
    """A backup that was made."""

    path: Path
    manifest: Manifest
    file_bytes: int
    deleted: list[Path]
    """Older backups that went."""


Progress = Callable[[str, int, int], None]
"""Told of a table, how many of its rows are done, and how many it has."""


def back_up(
    settings: Settings, target: Path, keep: int | None = None, progress: Progress = lambda *_: None
) -> Taken:
    """Write a backup.

    The database is read in one transaction, which sees one state and blocks no writer. The file gets its
    name when it is complete and on the disk; what a backup that was cut short leaves has another name, and is
    deleted by the next one into that folder.

    Args:
        settings: which database.
        target: a folder, in which the file is named after the time; or the name of a new file.
        keep: how many backups stay in the folder, this one included; the others, oldest first, are deleted
            once this one is complete. None deletes none.
        progress: see `Progress`.

    Raises:
        PermanentError: saying what to do.
        OSError: when the file cannot be written.
        sqlalchemy.exc.SQLAlchemyError: when the database goes away.
    """
    into_folder = target.is_dir()
    if keep is not None and not into_folder:
        raise PermanentError("--keep goes with a folder that is there already")
    path = target / f"tbscreen-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}" if into_folder else target
    if path.exists():
        raise PermanentError(f"{path} is there already; a backup never takes another one's place")
    _delete_unfinished(path.parent)
    database = Database.open(settings.database_settings())
    try:
        manifest = _write_file(settings, database, path, progress)
        try:
            _record(database, manifest, path)
            _keep_erasures(settings, database, path.parent)
        except (OSError, SQLAlchemyError) as error:
            raise PermanentError(_explain_unrecorded(path, error)) from error
    finally:
        database.close()
    deleted = [] if keep is None else _delete_oldest(path, keep)
    return Taken(path, manifest, path.stat().st_size, deleted)


def _write_file(settings: Settings, database: Database, path: Path, progress: Progress) -> Manifest:
    try:
        with _partial_file(path) as (file, partial):
            manifest = _write(settings, database, file, path.parent, progress)
            file.flush()
            os.fsync(file.fileno())
            _name(partial, path)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise PermanentError(f"the disk of {path.parent} is full; no backup was made") from error
        raise
    return manifest


def _explain_unrecorded(path: Path, error: OSError | SQLAlchemyError) -> str:
    reason = error.strerror or type(error).__name__ if isinstance(error, OSError) else explain(error)
    return (
        f"{path} is whole, but its record or the register of erasures could not be written "
        f"({reason}): make room, and back up again. No older backup was deleted"
    )


def _write(
    settings: Settings, database: Database, file: IO[bytes], folder: Path, progress: Progress
) -> Manifest:
    with database.read(frozen=True) as session:
        connection = session.connection()
        migration = _find_migration(database, connection)
        taken_at = datetime.now(UTC)
        tables = list_tables(schema.reflect(migration))
        _check_space(connection, tables, folder)
        manifest = Manifest(
            format=FORMAT,
            tbscreen=__version__,
            migration=migration,
            database=_describe_server(connection),
            host=socket.gethostname(),
            taken_at=taken_at,
            films=_count(connection, Instance.state),
            gateways=_count(connection, Instance.gateway, waiting=True),
            active_model=_find_active(connection),
            settings=hide_all(settings.model_dump(mode="json", exclude={"database_url", "broker_url"})),
            tables={},
        )
        writer = BackupWriter(file)
        for table in tables:
            rows = _watched(connection, table, progress)
            writer.add_table(table.name, list_columns(table), rows, compress=not is_heavy(table))
    manifest = manifest.model_copy(update={"tables": writer.tables})
    writer.finish(manifest)
    return manifest


def _record(database: Database, manifest: Manifest, path: Path) -> None:
    if schema.is_behind(database):
        return  # before an upgrade, the table may not be there
    with database.write() as session:
        backup_log.record(session, manifest.taken_at, manifest.host, path.stat().st_size)


def _keep_erasures(settings: Settings, database: Database, folder: Path) -> None:
    """Write the register of erasures beside the backup and into the data directory: it outlives both."""
    if schema.is_behind(database):
        return
    with database.read() as session:
        erasure_register.copy_from_database(session, folder / erasure_register.BESIDE_BACKUPS)
        if settings.data_directory.is_dir():
            erasure_register.copy_from_database(session, settings.data_directory / erasure_register.IN_DATA)


def _find_active(connection: Connection) -> ModelEntry | None:
    """By the columns that every migration has: before an upgrade, the database is older than this program."""
    row = connection.execute(select(Model.digest, Model.name, Model.version).where(Model.active)).first()
    return None if row is None else ModelEntry(digest=row.digest, name=row.name, version=row.version)


def _watched(connection: Connection, table: Table, progress: Progress) -> Iterator[Row]:
    total = count_rows(connection, table)
    done = 0
    progress(table.name, 0, total)
    for done, row in enumerate(read_rows(connection, table), start=1):
        yield row
        if done % 1000 == 0:
            progress(table.name, done, total)
    progress(table.name, done, total)


def _find_migration(database: Database, connection: Connection) -> str:
    here = schema.find_revision_within(connection)
    if here is None:
        raise PermanentError(f"no backup is made: {database.check()} has no tables of tbscreen")
    if not schema.is_known(here):
        raise PermanentError(
            f"the database is at migration {here}, which this version does not know: "
            "back it up with the version of tbscreen that upgraded it"
        )
    return here


def _describe_server(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        return f"SQLite {connection.execute(text('SELECT sqlite_version()')).scalar_one()}"
    return f"PostgreSQL {connection.execute(text('SHOW server_version')).scalar_one()}"


def _count(connection: Connection, column: object, *, waiting: bool = False) -> dict[str, int]:
    query = select(column, func.count()).group_by(column).order_by(column)  # type: ignore[call-overload]
    if waiting:
        query = query.where(Instance.state.in_([FilmState.RECEIVED, FilmState.QUEUED]))
    return {str(name): int(count) for name, count in connection.execute(query)}


def _check_space(connection: Connection, tables: list[Table], folder: Path) -> None:
    """Ask for room for the uncompressed rows: how far they compress is not known before."""
    if connection.dialect.name == "sqlite":
        pages, free, size = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
        needed = (pages - free) * size
    else:
        sizes = text(
            "SELECT sum(pg_table_size(quote_ident(name))) FROM unnest(CAST(:names AS text[])) AS name"
        )
        needed = int(connection.execute(sizes, {"names": [table.name for table in tables]}).scalar_one())
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed + SPARE_BYTES:
        raise PermanentError(
            f"{folder} has {free_bytes / 1e9:.2f} GB left, and the database holds {needed / 1e9:.2f} GB: "
            "make room, or name another folder"
        )


@contextmanager
def _partial_file(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A file beside the one that it will be, readable for its user alone; gone when the block fails."""
    descriptor, name = tempfile.mkstemp(PARTIAL, f".{path.name}-", path.parent)
    with os.fdopen(descriptor, "w+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # a held lock tells a running backup from a leftover
        try:
            yield file, Path(name)
        finally:
            Path(name).unlink(missing_ok=True)


def _name(partial: Path, path: Path) -> None:
    try:
        path.hardlink_to(partial)  # fails where there is a file, which a rename would not
    except FileExistsError:
        raise PermanentError(f"{path} came meanwhile; a backup never takes another one's place") from None
    except OSError:  # a file system without links, such as a Windows share
        partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # not every file system of a network knows it
            os.fsync(folder)
    finally:
        os.close(folder)


def _delete_unfinished(folder: Path) -> None:
    for leftover in folder.glob(f".*{SUFFIX}-*{PARTIAL}"):
        with contextlib.suppress(OSError), leftover.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            leftover.unlink()


def _delete_oldest(newest: Path, keep: int) -> list[Path]:
    """The names are in the order of time."""
    there = sorted(newest.parent.glob(f"tbscreen-*Z{SUFFIX}"))
    leaving = [path for path in there[: max(0, len(there) - keep)] if path != newest]
    for path in leaving:
        path.unlink()
    return leaving
