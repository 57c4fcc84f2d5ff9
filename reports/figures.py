"""All figures of a report, as data: to JSON and back, and what every form of it is drawn from."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.notices import NOTICE
from judging.statistics import Estimate


class Figures(BaseModel):
    """Root of what a report holds: frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Flow(Figures):
    """Fates of the films; received = screened + waiting + all refused."""

    received: int
    screened: int
    waiting: int
    refused: dict[str, int]
    """By reason, without those that are 0."""
    untrained: int
    """Of those screened: by a bundle without training, whose scores mean nothing and are counted nowhere."""


class Bands(Figures):
    """Findings of trained models on the films that they screened."""

    high: int
    medium: int
    low: int
    present: int
    absent: int
    undetermined: int
    share_present: Estimate | None
    """Of films with a finding, undetermined ones included; None without films."""


class Stage(Figures):
    """Duration of a stage: milliseconds over the films that have passed it."""

    name: str
    films: int
    median_ms: float | None
    p95_ms: float | None


class Deliveries(Figures):
    """Reports on their way to peers; one report to two peers is two."""

    delivered: int
    pending: int
    parked: int
    """Failed for good, or until somebody replays them."""
    unbuilt: int
    """Screenings of which no report was made yet."""


class Agreement(Figures):
    """Studies that a radiologist read, against the model. A study stands where its most suspicious film does.

    Positive is a score from the operating point upwards that held for the film.
    """

    screened: int
    """Studies with a film that a trained model screened."""
    read: int
    unsure: int
    """Read as unsure, and in no figure below."""
    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int
    sensitivity: Estimate | None
    specificity: Estimate | None
    ppv: Estimate | None
    npv: Estimate | None


class Group(Figures):
    """One set of films: all of the period, or those of a site, station, month or model."""

    name: str
    flow: Flow
    bands: Bands
    stages: tuple[Stage, ...]
    deliveries: Deliveries
    agreement: Agreement


class WeekCount(Figures):
    """Films of one week, Monday to Sunday; the outer weeks are cut to the period."""

    week: date
    """Its first day within the period."""
    received: int
    screened: int
    present: int
    """By a trained model."""


class Histogram(Figures):
    """Films of one trained model by score; bins of equal width over 0..1."""

    model: str
    films: tuple[int, ...]


class OperatingMark(Figures):
    """An operating point that was in use, and what it did on the studies that it was used on."""

    name: str
    threshold: float
    studies: int
    sensitivity: float
    specificity: float


class Roc(Figures):
    """ROC curve of one model over the studies that were read, unsure ones left out."""

    model: str
    tb: int
    not_tb: int
    auc: Estimate
    alarms: tuple[float, ...]
    """1 - specificity, rising from 0 to 1."""
    hits: tuple[float, ...]
    """Sensitivity at each."""
    points: tuple[OperatingMark, ...]


class CalibrationBin(Figures):
    """Studies of one tenth of calibrated probability."""

    probability: float
    """Their mean."""
    studies: int
    share_of_tb: Estimate


class Disagreement(Figures):
    """A study on which model and radiologist differ. Names it only where the report was asked to."""

    kind: Literal["missed", "false alarm"]
    """"missed": read as TB, and below the operating point."""
    score: float
    threshold: float
    finding: str
    model: str
    station: str
    accession_number: str | None = None
    study_date: str | None = None


class DriftRow(Figures):
    """Population stability index of one figure, one station and one week against the reference period."""

    station: str
    week: date
    """Its first day within the period."""
    figure: str
    """"score", "mean", "contrast", "black" or "age"."""
    model: str | None
    """For scores: only films of the same model are compared."""
    films: int
    reference_films: int
    index: float | None
    """None where there are too few films to say."""
    limit: float | None
    """Threshold of an alert: the setting, or more where few films reach it by chance."""
    alert: bool


class Drift(Figures):
    """Drift of films and scores against a reference period."""

    reference_first: date
    reference_last: date
    threshold: float
    rows: tuple[DriftRow, ...]

    @property
    def alerts(self) -> list[DriftRow]:
        """Those that are, the greatest first."""
        return sorted((row for row in self.rows if row.alert), key=lambda row: -(row.index or 0.0))


class Report(Figures):
    """Everything that a report says."""

    notice: str = NOTICE
    organisation: str
    first: date
    last: date
    timezone: str
    made_at: datetime
    version: str
    """Of tbscreen."""
    by: str | None
    total: Group
    groups: tuple[Group, ...]
    superseded: int
    """Revisions that a correction replaced; they are counted nowhere else."""
    own_objects: int
    """Objects of tbscreen that were routed back; counted nowhere else."""
    weeks: tuple[WeekCount, ...]
    """Every week of the period, those without films too."""
    histograms: tuple[Histogram, ...]
    rocs: tuple[Roc, ...]
    calibration: tuple[CalibrationBin, ...]
    """Over all models; empty without reads of both kinds."""
    disagreements: tuple[Disagreement, ...]
    disagreements_in_all: int
    named_studies: bool
    """True where disagreements carry accession number and study date: then it holds patient data."""
    drift: Drift
