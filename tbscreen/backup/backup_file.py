"""A backup as one file: a ZIP archive of one member for each table, and a manifest behind them.

The archive's directory stands at its end (APPNOTE 4.3.12), and the manifest is its last member: a file that
was cut short has neither. Rows are msgpack arrays. No content of a backup is ever run, and no name in it
becomes a path.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, Self

import msgpack
from pydantic import BaseModel, ConfigDict, ValidationError

from db import schema
from db.backup.table_rows import Row, list_columns, list_tables
from domain.errors import PermanentError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
BLOCK_BYTES: Final = 1024 * 1024
MAX_MANIFEST_BYTES: Final = 16 * 1024 * 1024
MAX_ROW_BYTES: Final = 512 * 1024 * 1024
TIMESTAMP_BYTES: Final = 12
"""Longest timestamp of msgpack, the only extension type that a row holds."""


class TableEntry(BaseModel):
    """One table of a backup."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...]
    rows: int
    bytes: int
    """Before compression."""
    sha256: str
    """Of those bytes, hex."""


class ModelEntry(BaseModel):
    """The bundle that was active."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    name: str
    version: str


class Manifest(BaseModel):
    """Description of a backup, without patient data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    tbscreen: str
    """Version that made it."""
    migration: str
    """Of the database."""
    database: str
    """Server and version."""
    host: str
    taken_at: datetime
    """The state of the database at this moment."""
    films: dict[str, int]
    """Number of films by state."""
    gateways: dict[str, int]
    """Films that wait for the spool of a gateway, by its name."""
    active_model: ModelEntry | None
    settings: dict[str, Any]
    """Settings of the installation, without what may be a password in their URLs. They are not restored."""
    tables: dict[str, TableEntry]

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(entry.rows for entry in self.tables.values())

    @property
    def bytes(self) -> int:
        """Of all tables, before compression."""
        return sum(entry.bytes for entry in self.tables.values())


class BackupWriter:
    """Writes a backup into an open file.

    Args:
        file: empty, binary.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(file, "w", allowZip64=True)
        self.tables: dict[str, TableEntry] = {}

    def add_table(self, name: str, columns: Sequence[str], rows: Iterable[Row], *, compress: bool) -> None:
        """Write one table.

        Args:
            name: the table's.
            columns: of the rows.
            rows: all of them.
            compress: pictures do not become smaller.
        """
        digest, count, size = hashlib.sha256(), 0, 0
        packer = msgpack.Packer(datetime=True)
        info = zipfile.ZipInfo(_member(name), datetime.now(UTC).timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        info.external_attr = 0o600 << 16
        info._compresslevel = 1  # type: ignore[attr-defined]  # ZipFile.open has no parameter for it
        with self._archive.open(info, "w", force_zip64=True) as member:
            block = bytearray()
            for row in rows:
                block += packer.pack(row)
                count += 1
                if len(block) >= BLOCK_BYTES:
                    member.write(block)
                    digest.update(block)
                    size += len(block)
                    block.clear()
            member.write(block)
            digest.update(block)
            size += len(block)
        entry = TableEntry(columns=tuple(columns), rows=count, bytes=size, sha256=digest.hexdigest())
        self.tables[name] = entry

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and the archive's directory: from now on it is whole."""
        self._archive.writestr(MANIFEST, manifest.model_dump_json(indent=2))
        self._archive.close()


class BackupFile:
    """A backup that is read.

    Args:
        path: of the file.

    Raises:
        PermanentError: when it is not a backup, was cut short, or comes from a newer version.
        OSError: when it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
            if self._archive.getinfo(MANIFEST).file_size > MAX_MANIFEST_BYTES:
                raise PermanentError(f"{path} has a manifest that tbscreen did not write")
            text = self._archive.read(MANIFEST)
        except (zipfile.BadZipFile, KeyError, zlib.error, EOFError) as error:
            raise PermanentError(f"{path} is not a whole backup: {_explain(error)}") from error
        try:
            if int(FormatOnly.model_validate_json(text).format) > FORMAT:
                raise PermanentError(f"{path} was made by a newer version of tbscreen: use that version")
            self.manifest = Manifest.model_validate_json(text)
        except ValidationError as error:
            raise PermanentError(f"{path} has a manifest that tbscreen did not write") from error
        if not schema.is_known(self.manifest.migration):
            raise PermanentError(
                f"{path} is of migration {self.manifest.migration}, made by tbscreen "
                f"{self.manifest.tbscreen}; this version knows {schema.newest_revision()} at most: "
                "use a newer one"
            )
        tables = list_tables(schema.reflect(self.manifest.migration))
        expected = {table.name: list_columns(table) for table in tables}
        found = {name: list(entry.columns) for name, entry in self.manifest.tables.items()}
        if found != expected or set(self._archive.namelist()) != {MANIFEST, *map(_member, expected)}:
            raise PermanentError(f"{path} has not the tables of migration {self.manifest.migration}")
        sizes = {name: self._archive.getinfo(_member(name)).file_size for name in expected}
        if any(entry.bytes != sizes[name] for name, entry in self.manifest.tables.items()):
            raise PermanentError(f"{path} has tables of other sizes than its manifest says")

    def __enter__(self) -> Self:
        """Read from it in the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._archive.close()

    def read_table(self, name: str, progress: Callable[[int], None] = lambda _: None) -> Iterator[Row]:
        """Yield the rows of one table.

        Args:
            name: the table's.
            progress: told of each thousand rows.

        Raises:
            PermanentError: as soon as, and at the end at last, they are not those that were written.
        """
        entry = self.manifest.tables[name]
        count = 0
        try:
            with self._archive.open(_member(name)) as member:
                counted = _Hashing(member)
                # A row holds plain values; nested arrays of one byte each would take a hundredfold in memory.
                unpacker = msgpack.Unpacker(
                    counted,
                    timestamp=3,
                    max_buffer_size=MAX_ROW_BYTES,
                    max_array_len=len(entry.columns),
                    max_map_len=0,
                    max_ext_len=TIMESTAMP_BYTES,
                )
                for row in unpacker:
                    if not isinstance(row, list) or len(row) != len(entry.columns):
                        raise PermanentError(f"{self.path}: table {name} has a row of another form")
                    count += 1
                    if count % 1000 == 0:
                        progress(1000)
                    yield tuple(row)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, msgpack.UnpackException) as error:
            raise PermanentError(f"{self.path}: table {name} is damaged: {_explain(error)}") from error
        if count != entry.rows or counted.sha256.hexdigest() != entry.sha256:
            raise PermanentError(f"{self.path}: table {name} is not as it was written")
        progress(count % 1000)

    def verify(self, progress: Callable[[int], None] = lambda _: None) -> list[str]:
        """Read everything: each byte against its checksum, each row, and each bundle against its digest.

        Returns:
            Bundles whose files are not their own, by digest. They are as they were in the database.

        Raises:
            PermanentError: saying what is wrong with the file.
        """
        broken: list[str] = []
        for name in self.manifest.tables:
            rows = self.read_table(name, progress)
            if name == "bundle_chunks":
                broken = self._find_broken_bundles(name, rows)
            else:
                for _ in rows:
                    pass
        return broken

    def _find_broken_bundles(self, name: str, rows: Iterator[Row]) -> list[str]:
        """A bundle's digest is the SHA-256 of its manifest, which names that of every other file."""
        columns = self.manifest.tables[name].columns
        at = {column: columns.index(column) for column in ("digest", "file", "content")}
        files: dict[str, dict[str, Any]] = {}
        manifests: dict[str, bytearray] = {}
        for row in rows:
            digest, file, content = row[at["digest"]], row[at["file"]], row[at["content"]]
            files.setdefault(digest, {}).setdefault(file, hashlib.sha256()).update(content)
            if file == MANIFEST:
                manifests.setdefault(digest, bytearray()).extend(content)
        broken = []
        for digest, sums in files.items():
            try:
                named = BundleSums.model_validate_json(bytes(manifests.get(digest, b""))).files
            except ValidationError:
                named = {}
            if {file: sha.hexdigest() for file, sha in sums.items()} != {**named, MANIFEST: digest}:
                broken.append(digest)
        return broken


class FormatOnly(BaseModel):
    """Format of a manifest, read before the rest, which may have a later form."""

    format: int


class BundleSums(BaseModel):
    """SHA-256 of each file that a bundle's manifest names."""

    files: dict[str, str]


class _Hashing:
    def __init__(self, member: IO[bytes]) -> None:
        self._member = member
        self.sha256 = hashlib.sha256()

    def read(self, size: int) -> bytes:
        block = self._member.read(max(size, BLOCK_BYTES))
        self.sha256.update(block)
        return block


def _member(table: str) -> str:
    return f"tables/{table}.msgpack"


def _explain(error: Exception) -> str:
    return str(error).strip("'\"") or type(error).__name__
