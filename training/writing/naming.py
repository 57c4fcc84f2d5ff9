"""Names of what a training run writes: the bundle and its report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REPORT: Final = "report.html"


@dataclass(frozen=True)
class Naming:
    """Name and version of a bundle, and facts for its report."""

    name: str
    version: str
    command: str
    """The command line, without the names of many films."""
    machine: str
    credits: tuple[str, ...] = ()
