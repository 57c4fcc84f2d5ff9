"""The parts of an installation that this room does not know; the front door passes them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class CheckResult(Protocol):
    """The finding of `tbscreen doctor` on one part."""

    @property
    def part(self) -> str:
        """The part that was checked."""

    @property
    def health(self) -> str:
        """`good`, `note` or `bad`."""

    @property
    def finding(self) -> str:
        """The state of the part."""

    @property
    def advice(self) -> str:
        """The next step; empty where there is none."""


@dataclass(frozen=True)
class RunningProcess:
    """One process of this installation on this host."""

    name: str
    pid: int
    since: datetime
    memory_bytes: int
    """Resident memory."""


@dataclass(frozen=True)
class SpoolUse:
    """The disk of the spool on this host."""

    free_bytes: int
    reserved_bytes: int
    """Free bytes below which C-STORE answers 0xA700."""


class Installation(Protocol):
    """One installation, as the host of the page sees it."""

    @property
    def host(self) -> str:
        """Name of the host of the page."""

    @property
    def peers(self) -> Sequence[str]:
        """Names of the peers in the settings."""

    @property
    def receivers(self) -> Sequence[str]:
        """Names of the HL7 receivers in the settings."""

    def examine(self) -> Sequence[CheckResult]:
        """Check every part, as `tbscreen doctor` does; takes seconds."""

    def list_processes(self) -> Sequence[RunningProcess]:
        """Return the processes that `tbscreen serve` started on this host; none where it did not."""

    def measure_spool(self) -> SpoolUse | None:
        """Return the disk of the spool; None where this host has no data directory."""

    def summarize(self, part10: bytes) -> Sequence[str]:
        """Return what a DICOM object says, line by line, without patient data."""
