"""The wishes of a person about a calibration study, of the commands and the page alike."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field


class PlanWish(BaseModel):
    """Wishes about the plan of a study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prevalence: float = Field(ge=0.0001, le=0.9999)
    """Expected share of TB among the people screened."""
    half_width: float = Field(default=0.05, ge=0.005, le=0.3)
    """Wanted half width of the 95 % interval of the sensitivity."""
    results: float = Field(default=0.9, ge=0.05, le=1)
    """Expected share of the tests that give a result."""
    shares: tuple[float, ...] | None = None
    """Share of people to test in each score band, lowest first; None: by the expected share of TB."""
    first: date | None = None
    """Plan on films received from this day on; None: of the last year."""


class PolicyWish(BaseModel):
    """Wishes about the threshold that an analysis recommends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensitivity: float | None = Field(default=None, ge=0.5, le=0.99)
    """Sensitivity at least; None with `referred` None: that of WHO's target."""
    referred: float | None = Field(default=None, ge=0.01, le=1)
    """Largest share of people whom the programme can test."""
    by_station: bool = False
    """Stations were sampled, not people."""
    by_group: bool = False
    """Thresholds by age and sex, too."""
    film_price: float | None = Field(default=None, ge=0)
    test_price: float | None = Field(default=None, ge=0)
    """Both prices or none, in the site's currency."""
