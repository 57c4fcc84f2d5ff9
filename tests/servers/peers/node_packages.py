"""Packages of npm: programs of peers that run by Node.js."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.checkout import ROOT
from tests.servers.missing import find_program

PLACE: Final = ROOT / ".npm"
"""Folder of packages, each in a folder of its own; git ignores it."""


def need_package(name: str, version: str) -> tuple[str, Path]:
    """Return the path of Node.js and the folder in which a package is installed.

    Skips the test where Node.js, npm or the package is missing.
    """
    node, npm = find_program("node", "nodejs"), find_program("npm")
    if node is None or npm is None:
        pytest.skip("needs Node.js and npm")
    folder = PLACE / name
    if not (folder / "node_modules" / name).is_dir():
        command = [npm, "install", "--prefix", str(folder), "--no-save", "--ignore-scripts"]
        command.append(f"{name}@{version}")
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot install {name}@{version}")
    return node, folder
