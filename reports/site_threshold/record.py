"""The record of a site's own threshold: what it changes, and the figures for and against it."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from domain.bundle.manifest import OperatingPoint
from judging.statistics import Estimate

WHO_SENSITIVITY: Final = 0.90
WHO_SPECIFICITY: Final = 0.70
"""Least of a triage test: WHO's target product profiles of 2014."""


class Part(BaseModel):
    """Root of the parts of a record: frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Row(Part):
    """One set of studies at an operating point, out of fold."""

    name: str
    tb: int
    not_tb: int
    sensitivity: Estimate | None
    specificity: Estimate | None


class SiteThresholdRecord(Part):
    """The record that is signed."""

    bundle: str
    """Name and version."""
    first: date
    last: date
    timezone: str
    operating_points: tuple[OperatingPoint, ...]
    """As in a manifest; the site's own is called `db.models.site_thresholds.NAME` until it is kept."""
    calibration: dict[str, Any] | None
    """As in a manifest, restated for `prevalence`; None: the bundle's own."""
    prevalence: float | None
    screened: int
    read: int
    unsure: int
    auc: Estimate
    alarms: tuple[float, ...]
    """ROC curve: 1 - specificity."""
    hits: tuple[float, ...]
    """And sensitivity."""
    before: Row
    """At the thresholds that held for the films."""
    after: Row
    rule_in: Row
    subgroups: dict[str, tuple[Row, ...]]
    """By age group, sex and station, at the new operating point."""
    warnings: tuple[str, ...]


def judge_by_who(row: Row) -> str:
    """Return in words how a row stands to WHO's least sensitivity of 90 % and specificity of 70 %."""
    figures = ((row.sensitivity, WHO_SENSITIVITY), (row.specificity, WHO_SPECIFICITY))
    if any(figure is None for figure, _ in figures):
        return "cannot be said"
    known = [(figure, least) for figure, least in figures if figure is not None]
    if all(figure.low >= least for figure, least in known):
        return "met, and shown by the intervals"
    if all(figure.value >= least for figure, least in known):
        return "met, but not beyond chance"
    return "not met"
