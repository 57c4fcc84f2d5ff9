"""Settings of reports, which the options of a command override."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class ReportSettings(BaseModel):
    """Settings of reports from the results database."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    organisation: str = Field(default="", max_length=120)
    """Name in the heading of every report, such as "National Tuberculosis Programme"."""
    timezone: str = "UTC"
    """Time zone of days, weeks and months, such as "Asia/Kolkata" (IANA)."""
    reference_from: date | None = None
    """First day of the reference period of drift; by default the period is the 90 days before the report."""
    reference_to: date | None = None
    """Last day of the reference period."""
    key_file: Path | None = None
    """Key of the pseudonyms in exports of labels; by default `label-export.key` in the data directory. A
    missing file is created."""
    prevalence: float | None = Field(default=None, gt=0.0, lt=0.5)
    """Expected share of TB among the people screened here, such as 0.01: a site that refers far more of them
    than the operating point lets expect is warned in reports, metrics and by doctor; by default nothing is
    expected."""
    drift_index: float = Field(default=0.25, gt=0.0)
    """Population stability index from which drift is an alert, if chance does not explain it."""

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("the time zone is unknown; use a name such as Africa/Nairobi") from error
        return value

    @model_validator(mode="after")
    def _check_reference(self) -> ReportSettings:
        if (self.reference_from is None) != (self.reference_to is None):
            raise ValueError("set both reference_from and reference_to, or neither")
        if self.reference_from and self.reference_to and self.reference_from > self.reference_to:
            raise ValueError("reference_from is after reference_to")
        return self
