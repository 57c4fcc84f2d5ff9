"""All contents of a report as data, with a lossless JSON form; every form of a report is made from them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, SkipValidation

from domain.notices import NOTICE
from judging.statistics import Estimate


class Figures(BaseModel):
    """Base class of the parts of a report; immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Flow(Figures):
    """Fates of the films; received = screened + waiting + all refused."""

    received: int
    screened: int
    waiting: int
    refused: dict[str, int]
    """Refused films by reason, without zeros."""
    untrained: int
    """Films screened by an untrained bundle; their scores mean nothing and are counted nowhere."""


class Bands(Figures):
    """Findings of trained models on the films that they screened."""

    high: int
    medium: int
    low: int
    present: int
    absent: int
    undetermined: int
    share_present: Estimate | None
    """Share among films with a finding, including undetermined ones; None without films."""


class Stage(Figures):
    """Duration of a stage in milliseconds, over the films that have passed it."""

    name: str
    films: int
    median_ms: float | None
    p95_ms: float | None


class Deliveries(Figures):
    """Deliveries of reports to peers; one report to two peers counts as two."""

    delivered: int
    pending: int
    parked: int
    """Failed deliveries, which stay until a user replays them."""
    unbuilt: int
    """Screenings without a report so far."""


class Agreement(Figures):
    """Agreement of the model with reads or bacteriology (`Report.truth`).

    The most suspicious film decides for its study. A film is positive when its score is at least the
    operating point of its screening.
    """

    screened: int
    """Studies with a film that a trained model screened."""
    read: int
    """Studies with a verdict."""
    by_bacteriology: int = 0
    """Those of them whose verdict is bacteriology's."""
    unsure: int
    """Studies whose verdict is unsure, or on which readers differ, which are in no figure below."""
    readers_differ: int = 0
    """Those on which readers differ."""
    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int
    sensitivity: Estimate | None
    """Against reads it is agreement, not sensitivity for TB. None, like specificity and NPV, where no study
    below the operating point was tested: bacteriology then cannot tell it."""
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
    blinded: Agreement | None = None
    """Agreement with blinded reads alone, also where the study was read again; None without any."""


class ReaderFigures(Figures):
    """Reads of one reader: the newest on each study."""

    reader: str
    """The user's name."""
    reads: int
    tb: int
    not_tb: int
    unsure: int
    blinded: int
    """Those of them from whose reader the result was hidden until the read."""
    kappa_with_model: Estimate | None
    """Cohen's kappa, -1..1, of sure reads with the finding at the threshold; None where there is none."""
    shared_studies: int
    """Pairs of sure reads by this and another reader on one study."""
    kappa_with_others: Estimate | None
    """Cohen's kappa over these pairs."""


class CellFigures(Figures):
    """Films that one threshold by age and sex judged."""

    table: str
    """Name of the site threshold that the cell is a part of."""
    people: SkipValidation[str]
    """A sentence, which another language translates."""
    threshold: float
    films: int
    present: int
    share_present: Estimate | None


class WeekCount(Figures):
    """Films of one week, Monday to Sunday; the outer weeks are cut to the period."""

    week: date
    """The first day of the week within the period."""
    received: int
    screened: int
    present: int
    """Films with the finding "present" by a trained model."""


class Histogram(Figures):
    """Films of one trained model by score; bins of equal width over 0..1."""

    model: str
    films: tuple[int, ...]


class TbScores(Figures):
    """Films of one trained model by TB score; bins of equal width over 0..100."""

    model: str
    films: tuple[int, ...]


class OperatingMark(Figures):
    """An operating point that was in use, with sensitivity and specificity on the studies of the curve."""

    name: str
    threshold: float
    studies: int
    sensitivity: float
    specificity: float


class Roc(Figures):
    """ROC curve of one model over the read studies, without those read as unsure."""

    model: str
    tb: int
    not_tb: int
    auc: Estimate
    alarms: tuple[float, ...]
    """1 - specificity, rising from 0 to 1."""
    hits: tuple[float, ...]
    """Sensitivity at each value of `alarms`."""
    points: tuple[OperatingMark, ...]


class CalibrationBin(Figures):
    """Studies in one of ten bins of calibrated probability."""

    probability: float
    """Mean probability of the studies."""
    studies: int
    share_of_tb: Estimate


class Disagreement(Figures):
    """A study on which model and radiologist disagree; identified only on request."""

    kind: Literal["missed", "false alarm"]
    """"missed": read as TB, but below the operating point."""
    score: float
    threshold: float
    finding: str
    model: str
    station: str
    study: int | None = None
    """Its number here, by which the page opens it for users who may see names."""
    accession_number: str | None = None
    study_date: str | None = None
    tb_score: int | None = None


class DriftRow(Figures):
    """Population stability index of one figure, one station and one week against the reference period."""

    station: str
    week: date
    """The first day of the week within the period."""
    figure: str
    """"score", "mean", "contrast", "black" or "age"."""
    model: str | None
    """The model of scores, since only films of the same model are compared; None for other figures."""
    films: int
    reference_films: int
    index: float | None
    """None with too few films."""
    limit: float | None
    """Index from which drift is an alert: the setting, or the limit of chance where that is higher."""
    alert: bool


class Drift(Figures):
    """Drift of films and scores against a reference period."""

    reference_first: date
    reference_last: date
    threshold: float
    rows: tuple[DriftRow, ...]

    @property
    def alerts(self) -> list[DriftRow]:
        """The rows with an alert, the greatest index first."""
        return sorted((row for row in self.rows if row.alert), key=lambda row: -(row.index or 0.0))


class Report(Figures):
    """All contents of a report."""

    notice: str = NOTICE
    organisation: str
    truth: str = "reads"
    """The truth of agreement, curves and disagreements (`domain.bacteriology.TruthSource`)."""
    first: date
    last: date
    timezone: str
    made_at: datetime
    version: str
    """Version of tbscreen."""
    by: str | None
    total: Group
    groups: tuple[Group, ...]
    before: Group | None = None
    """All films of the period before, of as many days; None in reports of earlier versions."""
    before_first: date | None = None
    before_last: date | None = None
    readers: tuple[ReaderFigures, ...] = ()
    """By name."""
    cells: tuple[CellFigures, ...] = ()
    """Thresholds by age and sex that judged films of the period; empty where none did."""
    superseded: int
    """Revisions that a correction replaced, which are counted nowhere else."""
    own_objects: int
    """Received objects that tbscreen itself had made, which are counted nowhere else."""
    weeks: tuple[WeekCount, ...]
    """Every week of the period, also without films."""
    histograms: tuple[Histogram, ...]
    """By the network's raw score, for developers."""
    tb_scores: tuple[TbScores, ...]
    """By TB score, for people."""
    rocs: tuple[Roc, ...]
    calibration: tuple[CalibrationBin, ...]
    """Calibration over all models; empty without reads of both kinds."""
    referral: SkipValidation[str | None] = None
    """A sentence: the site refers more people than expected. None: it does not, or nothing is expected."""
    disagreements: tuple[Disagreement, ...]
    disagreements_in_all: int
    named_studies: bool
    """True when disagreements have accession number and study date; then the report holds patient data."""
    drift: Drift
