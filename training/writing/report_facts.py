"""What a report says that is no figure: who made the model, when, from what, on which machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from figures.text_table import TextTable
from training.judging.calibration_fit import CalibrationFit


@dataclass(frozen=True)
class ReportFacts:
    """Everything but the figures. Names no person, no patient, no path."""

    title: str
    name: str
    version: str
    architecture: str
    weights: int
    """Number of the network's weights."""
    command: str
    """The exact command that made the model."""
    seed: int
    started: datetime
    """With its time zone."""
    finished: datetime
    machine: str
    """Processors, memory, accelerator, in words."""
    versions: Mapping[str, str]
    """Version by library."""
    trained: bool = True
    training_data: Sequence[tuple[str, str]] = ()
    """(name of a source, what it is) for each source of the films."""
    credits: Sequence[str] = ()
    """Whom the films are owed to, one line each, with the paper."""
    notes: Sequence[str] = ()
    """Anything else to be known, one paragraph each."""
    calibration: CalibrationFit | None = None
    tables: Sequence[TextTable] = field(default_factory=tuple)

    @property
    def duration(self) -> timedelta:
        """How long the command ran, to the second."""
        return timedelta(seconds=round((self.finished - self.started).total_seconds()))
