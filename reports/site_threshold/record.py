"""The record of a site's own threshold: its operating points, and the figures for and against it."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from domain.bacteriology import TruthSource
from domain.bundle.manifest import OperatingPoint
from judging.statistics import Estimate
from reports.calibration_study.person_cells import PersonTable

WHO_SENSITIVITY: Final = 0.90
WHO_SPECIFICITY: Final = 0.70
"""Minimum for a triage test in WHO's target product profiles of 2014."""


class Part(BaseModel):
    """Base class of the parts of a record; immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Row(Part):
    """Out-of-fold figures of a set of studies at an operating point."""

    name: str
    tb: int
    not_tb: int
    sensitivity: Estimate | None
    specificity: Estimate | None


class SiteThresholdRecord(Part):
    """The record of a site threshold, which a user confirms."""

    bundle: str
    """Name and version of the bundle."""
    first: date
    last: date
    timezone: str
    operating_points: tuple[OperatingPoint, ...]
    """Operating points as in a manifest; the new one is first called `db.models.site_thresholds.NAME`."""
    calibration: dict[str, Any] | None
    """Calibration as in a manifest, restated for `prevalence`; None: that of the bundle."""
    prevalence: float | None
    screened: int
    read: int
    unsure: int
    truth: str = "reads"
    """The truth of these figures (`domain.bacteriology.TruthSource`)."""
    by_bacteriology: int = 0
    """Those of `read` whose verdict is bacteriology's."""
    auc: Estimate
    alarms: tuple[float, ...]
    """ROC curve: 1 - specificity."""
    hits: tuple[float, ...]
    """ROC curve: sensitivity."""
    before: Row
    """Figures at the operating points of the films' screenings."""
    after: Row
    rule_in: Row
    subgroups: dict[str, tuple[Row, ...]]
    """Rows by age group, sex and station, at the new operating point."""
    warnings: tuple[str, ...]
    table: PersonTable | None = None
    """Thresholds by age and sex; None where they were not asked for."""
    groups: tuple[dict[str, Any], ...] | None = None
    """The table's cells as `db.models.threshold_groups.GROUPS`."""


def dump_record(record: SiteThresholdRecord) -> dict[str, Any]:
    """Return a record as JSON; what an earlier version does not know is left out where nothing needs it."""
    unknown = {"truth", "by_bacteriology"} if record.truth == TruthSource.READS else set()
    if record.table is None:
        unknown |= {"table", "groups"}
    return record.model_dump(mode="json", exclude=unknown)


def judge_by_who(row: Row) -> str:
    """Return in words whether a row meets WHO's minimum, a sensitivity of 90 % and a specificity of 70 %.

    The minimum is about TB by bacteriology; against reads it is a comparison by number alone.
    """
    figures = ((row.sensitivity, WHO_SENSITIVITY), (row.specificity, WHO_SPECIFICITY))
    if any(figure is None for figure, _ in figures):
        return "unknown"
    known = [(figure, minimum) for figure, minimum in figures if figure is not None]
    if all(figure.low >= minimum for figure, minimum in known):
        return "met, also by the intervals"
    if all(figure.value >= minimum for figure, minimum in known):
        return "met, but possibly by chance"
    return "not met"
