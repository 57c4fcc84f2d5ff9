"""Facts of a report besides the figures: command, time, data and machine of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from figures.text_table import TextTable
from training.judging.calibration_fit import CalibrationFit
from training.judging.left_out_figures import PointSpread
from training.judging.verdict import Verdict


@dataclass(frozen=True)
class ReportFacts:
    """All facts besides the figures, without names of persons and patients and without paths."""

    title: str
    name: str
    version: str
    architecture: str
    weights: int
    """Number of weights of the network."""
    command: str
    """The command that made the model."""
    seed: int
    started: datetime
    """Start of the run, with time zone."""
    finished: datetime
    machine: str
    """Processors, memory and accelerator as text."""
    versions: Mapping[str, str]
    """Version by library."""
    credits: Sequence[str] = ()
    """Credits for the films, one line each, with the paper."""
    notes: Sequence[str] = ()
    """Further remarks, one paragraph each."""
    calibration: CalibrationFit | None = None
    verdict: Verdict | None = None
    point_notes: Sequence[str] = ()
    """Sentences on the operating points at left-out hospitals, which chose them; empty where validation films
    did."""
    spreads: Sequence[PointSpread] = ()
    """Operating points at left-out hospitals; empty where validation films chose them."""
    tables: Sequence[TextTable] = field(default_factory=tuple)

    @property
    def duration(self) -> timedelta:
        """Duration of the command in whole seconds."""
        return timedelta(seconds=round((self.finished - self.started).total_seconds()))
