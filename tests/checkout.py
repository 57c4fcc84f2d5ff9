"""Paths of this repository, its documents, and the real films beside it."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
SHARED_DATA: Final = ROOT.parent / "shared" / "data"
"""Not part of the repository; tests that need it are skipped where it is missing."""
