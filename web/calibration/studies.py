"""The calibration studies of an installation, which the front door passes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from db.calibration_study.people import PersonToTest
from db.calibration_study.studies import CalibrationStudyEntry
from domain.calibration_wishes import PlanWish, PolicyWish


class ShownTable(Protocol):
    """A table of text."""

    @property
    def title(self) -> str:
        """Its name; empty for the only one."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns."""

    @property
    def rows(self) -> Sequence[Sequence[str]]:
        """Cells."""

    @property
    def note(self) -> str:
        """A sentence below it; may be empty."""


class ShownSection(Protocol):
    """Sentences and tables under one title."""

    @property
    def title(self) -> str:
        """The title."""

    @property
    def paragraphs(self) -> Sequence[str]:
        """Sentences."""

    @property
    def tables(self) -> Sequence[ShownTable]:
        """Tables."""


@dataclass(frozen=True)
class StudyProgress:
    """A study as it is now."""

    study: CalibrationStudyEntry
    progress: ShownSection
    warnings: Sequence[str]


@dataclass(frozen=True)
class SignedThreshold:
    """The threshold that a study gave."""

    number: int
    value: float


class CalibrationStudies(Protocol):
    """Calibration studies, by the functions of `tbscreen study`.

    Each raises `PermanentError` with a text for people. All but `plan` enrol people whose films were screened
    meanwhile.
    """

    def plan(self, wish: PlanWish) -> ShownSection:
        """Return a plan; nothing is changed."""

    def start(self, name: str, wish: PlanWish, by: str) -> CalibrationStudyEntry:
        """Start a study by its plan."""

    def describe(self, name: str) -> StudyProgress:
        """Return how far a study is."""

    def list_people_to_test(self, name: str) -> Sequence[PersonToTest]:
        """Return the people who were drawn and have no result that decides, longest waiting first."""

    def render(self, name: str, wish: PolicyWish, form: str) -> str | bytes:
        """Return the analysis as `html`, one self-contained file, as `pdf` or as `json`.

        Raises:
            ReportBusyError: while another one is made.
        """

    def close(self, name: str, wish: PolicyWish, by: str, reason: str) -> SignedThreshold:
        """Close a study and keep its recommended threshold, signed and not in use."""

    def drop(self, name: str, by: str, reason: str) -> None:
        """Close a study without a threshold."""
