"""Settings of reports, which the options of a command override."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class ReportSettings(BaseModel):
    """Reports from the results database."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    organisation: str = Field(default="", max_length=120)
    """Printed at the head of every report, as "National Tuberculosis Programme"."""
    timezone: str = "UTC"
    """Time zone of days, weeks and months, as "Asia/Kolkata" (IANA)."""
    reference_from: date | None = None
    """First day of the reference period of drift; by default the 90 days before the report's first."""
    reference_to: date | None = None
    """Last day of the reference period."""
    key_file: Path | None = None
    """Key of the pseudonyms in exports of labels; by default `label-export.key` in the data directory. Made
    when it is not there."""
    drift_index: float = Field(default=0.25, gt=0.0)
    """Population stability index from which drift is an alert, if chance does not explain it."""

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("there is no such time zone here; names are like Africa/Nairobi") from error
        return value

    @model_validator(mode="after")
    def _check_reference(self) -> ReportSettings:
        if (self.reference_from is None) != (self.reference_to is None):
            raise ValueError("reference_from and reference_to go together")
        if self.reference_from and self.reference_to and self.reference_from > self.reference_to:
            raise ValueError("reference_from lies after reference_to")
        return self
