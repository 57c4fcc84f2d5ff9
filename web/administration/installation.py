"""The parts of an installation that this room does not know; the front door passes them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from db.erasure.erasures import ErasureEntry
from domain.languages.sentence import Sentence
from web.calibration.studies import CalibrationStudies


@dataclass(frozen=True)
class SettingInForce:
    """One setting."""

    key: str
    """With its section, as `gateway.port`."""
    value: str
    """As text, without passwords."""
    is_default: bool
    meaning: str


class AuditEntry(Protocol):
    """One audit record; its details may name patients by ID."""

    @property
    def at(self) -> datetime:
        """Time of the event."""

    @property
    def process(self) -> str:
        """Kind of the process that recorded it."""

    @property
    def event(self) -> str:
        """Name of the event."""

    @property
    def kind(self) -> str:
        """Type of the event; empty where it has none."""

    @property
    def who(self) -> str:
        """User, or AE title, or number of a process."""

    @property
    def address(self) -> str:
        """Network address; empty where unknown."""

    @property
    def succeeded(self) -> bool:
        """True for an event that did not fail."""

    @property
    def details(self) -> Sequence[str]:
        """Descriptions and objects in a few words."""


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


class ModelChange(Protocol):
    """A change of the model or threshold that new films are judged by."""

    @property
    def record(self) -> str:
        """The change, for its audit record; empty where nothing was changed."""

    @property
    def told(self) -> Sequence[Sentence]:
        """Sentences for the person."""


class ModelChanges(Protocol):
    """Changes of the model in use, as `tbscreen models` and `tbscreen calibrate` make them.

    Each raises `PermanentError` or `TransientError` with a text for people. `activate` and `put_in_shadow`
    compute the network first, which takes a minute or more.
    """

    def activate(self, digest: str, by: str, force: str | None, trust: str | None) -> ModelChange:
        """Screen new films with a bundle; reasons override objections and vouch for it."""

    def put_in_shadow(self, digest: str, by: str, trust: str | None) -> ModelChange:
        """Let a bundle score every film beside the active one."""

    def end_shadow(self) -> ModelChange:
        """Take the bundle out of the shadow."""

    def roll_back(self, by: str) -> ModelChange:
        """Activate the bundle that was active before."""

    def use_threshold(self, number: int, by: str, reason: str | None) -> ModelChange:
        """Judge new films by a site threshold."""

    def roll_back_threshold(self, digest: str, by: str) -> ModelChange:
        """Judge new films of a bundle as before its last change of the threshold."""

    def write_sheet(self, digest: str) -> str:
        """Return all that is known of a bundle, as text."""

    def write_comparison(self, candidate: str, reference: str) -> str:
        """Return the comparison of two bundles on the films in the test part of both, as text."""

    def write_threshold(self, number: int) -> str:
        """Return a site threshold with all its figures, as text."""


class Installation(Protocol):
    """One installation, as the host of the page sees it."""

    @property
    def host(self) -> str:
        """Name of the host of the page."""

    @property
    def models(self) -> ModelChanges:
        """The models, and the ways to change which is used."""

    @property
    def studies(self) -> CalibrationStudies:
        """The calibration studies."""

    @property
    def peers(self) -> Sequence[str]:
        """Names of the peers in the settings."""

    @property
    def receivers(self) -> Sequence[str]:
        """Names of the HL7 receivers in the settings."""

    @property
    def notice_receivers(self) -> Sequence[str]:
        """Names of the receivers of notices in the settings."""

    def examine(self) -> Sequence[CheckResult]:
        """Check every part, as `tbscreen doctor` does; takes seconds."""

    def erase_patient(self, patient_id: str, issuer: str | None, by: str, reason: str) -> ErasureEntry:
        """Erase everything about a patient for good, and register it.

        Args:
            patient_id: the patient; with it go the IDs that were merged into it.
            issuer: data of other issuers stay; None for all.
            by: who erases, for the register.
            reason: without patient data; it is kept.

        Raises:
            PermanentError: when nothing was erased; its text is for people.
        """

    def list_processes(self) -> Sequence[RunningProcess]:
        """Return the processes that `tbscreen serve` started on this host; none where it did not."""

    def measure_spool(self) -> SpoolUse | None:
        """Return the disk of the spool; None where this host has no data directory."""

    @property
    def audit_events(self) -> Sequence[str]:
        """Names of the events of audit records."""

    def read_audit(self, limit: int, who: str, event: str) -> Sequence[AuditEntry]:
        """Return the newest audit records in the files of this host; empty texts ask for all."""

    def list_settings(self) -> Sequence[SettingInForce]:
        """Return every setting of the process of the page."""

    def summarize(self, part10: bytes) -> Sequence[str]:
        """Return what a DICOM object says, line by line, without patient data.

        Raises:
            PermanentError: when it cannot be read.
        """
