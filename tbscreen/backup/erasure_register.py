"""The register of erasures as a file: in the data directory, and beside the backups that it outlives.

A line is one erasure: keyed digests, numbers, time, user and reason. Without the key nobody can tell
whose data were erased.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy.orm import Session

from db.erasure import erasures
from db.erasure.digests import Digests
from db.erasure.erasures import ErasureEntry, ErasureKind
from domain.errors import PermanentError
from tbscreen.key_file import load_key

IN_DATA: Final = "erasures.jsonl"
BESIDE_BACKUPS: Final = "tbscreen-erasures.jsonl"
KEY: Final = "erasure.key"
KEYS: Final = "erasure*.key"
"""Keys of other hosts have any further name of this form."""

Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
SpoolPath = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2}/){1,2}[0-9a-f-]+\.dcm$")]


class RegisterRecord(BaseModel):
    """The content of one erasure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    films: tuple[Digest, ...] = ()
    tests: tuple[Digest, ...] = ()
    patients: tuple[Digest, ...] = ()
    files: tuple[tuple[str, SpoolPath], ...] = ()
    rows: dict[str, int]
    before: Annotated[str, StringConstraints(pattern="^[0-9]{8}$")] | None = None


class RegisterLine(BaseModel):
    """One line of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
    kind: ErasureKind
    key_id: Annotated[str, Field(max_length=16)]
    record: RegisterRecord
    erased_at: datetime
    erased_by: Annotated[str, Field(max_length=256)]
    reason: str


def load_digests(data_directory: Path) -> Digests:
    """Return the digests of this host's key, which is made if it is missing.

    Raises:
        PermanentError: when others may read the key.
    """
    return Digests(load_key(data_directory / KEY))


def load_keys(data_directory: Path) -> dict[str, Digests]:
    """Return the digests of all keys in the data directory, by key ID."""
    found = [Digests(load_key(path)) for path in sorted(data_directory.glob(KEYS))]
    return {digests.key_id: digests for digests in found}


def read(path: Path) -> list[ErasureEntry]:
    """Read a register; a file that is missing has no erasures.

    Raises:
        PermanentError: when it is not as tbscreen wrote it; the text names the line.
    """
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            entry = RegisterLine.model_validate_json(line)
        except ValidationError as error:
            raise PermanentError(
                f"{path}, line {number} is no erasure: put a whole copy of the register in its place"
            ) from error
        record = entry.record.model_dump(mode="json", exclude_defaults=True) | {"rows": entry.record.rows}
        for part in ("films", "tests", "patients", "files") if entry.key_id else ():
            record.setdefault(part, [])
        found.append(ErasureEntry(**{**vars(entry), "kind": entry.kind.value, "record": record}))
    return found


def write(path: Path, entries: Iterable[ErasureEntry]) -> None:
    """Write a register, whole or not at all, readable for its user alone; erasures that it has already stay.

    Raises:
        PermanentError: see `read`.
        OSError: when the disk does not take it.
    """
    known = {entry.token: entry for entry in (*read(path), *entries)}
    lines = [
        json.dumps({**vars(entry), "record": dict(entry.record), "erased_at": entry.erased_at.isoformat()})
        for entry in sorted(known.values(), key=lambda entry: (entry.erased_at, entry.token))
    ]
    descriptor, name = tempfile.mkstemp(".partial", f".{path.name}-", path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def copy_from_database(session: Session, path: Path) -> None:
    """Add the erasures of the database to a register; where there are none, no file is made."""
    entries = erasures.list_erasures(session)
    if entries:
        write(path, entries)


def find_unknown_keys(entries: Iterable[ErasureEntry], keys: Iterable[str]) -> list[ErasureEntry]:
    """Return the erasures whose digests were made with none of these keys."""
    return [entry for entry in entries if entry.key_id and entry.key_id not in set(keys)]
