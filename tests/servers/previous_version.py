"""The version before this one, as `db/migrations/previous.toml` names it: its code, from the history."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from db.schema import MIGRATIONS
from tests.servers.product import HERE

MARKER: Final = MIGRATIONS / "previous.toml"

ROOMS: Final = ("db", "dicom_gateway", "worker", "training", "reports", "web", "tbscreen")


@dataclass(frozen=True)
class Previous:
    """The version that may still run while this one is brought in."""

    commit: str
    migration: str
    """The newest migration that it knows."""


def read_previous() -> Previous:
    """Return what the marker says."""
    said = tomllib.loads(MARKER.read_text("utf-8"))
    return Previous(said["commit"], said["migration"])


def extract_previous(folder: Path) -> Path:
    """Write the previous version's code into `folder`, or skip the test where the history is not there."""
    commit = read_previous().commit
    command = ["git", "-C", str(HERE), "archive", "--format=tar", commit, *ROOMS]
    try:
        made = subprocess.run(command, capture_output=True, check=False, timeout=60)
    except FileNotFoundError:
        pytest.skip("git is not installed: the previous version's code cannot be had")
    if made.returncode:
        pytest.skip(f"the history does not hold {commit[:12]}, the previous version (a shallow clone?)")
    with tarfile.open(fileobj=io.BytesIO(made.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder
