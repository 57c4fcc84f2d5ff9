"""The versions before this one, as `db/migrations/previous.toml` names them: their code, from the history."""

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


@dataclass(frozen=True)
class Previous:
    """A version that may still run while this one is brought in."""

    name: str
    commit: str
    migration: str
    """The newest migration that it knows."""

    def __str__(self) -> str:
        return self.commit[:7]


def list_previous() -> list[Previous]:
    """Return the versions that the marker names, newest first."""
    return [Previous(**version) for version in tomllib.loads(MARKER.read_text("utf-8"))["versions"]]


def extract_previous(version: Previous, folder: Path) -> Path:
    """Write a version's packages into `folder`, or skip the test where the history does not hold them."""
    try:
        listing = _run_git("ls-tree", "-d", "--name-only", version.commit)
    except FileNotFoundError:
        pytest.skip("git is not installed: the previous version's code cannot be had")
    if listing.returncode:
        pytest.skip(f"the history does not hold {version.commit[:12]}, a previous version (a shallow clone?)")
    aside = {"benchmarks", "chaos", "docker", "docs", "requirements", "tests"}
    rooms = [name for name in listing.stdout.decode().split() if name[0] != "." and name not in aside]
    made = _run_git("archive", "--format=tar", version.commit, *rooms)
    with tarfile.open(fileobj=io.BytesIO(made.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _run_git(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(HERE), *words], capture_output=True, check=False, timeout=60)
