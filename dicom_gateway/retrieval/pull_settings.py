"""Settings of pulls from a PACS that cannot route."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import time
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dicom_gateway.association.ae_title import AeTitle


def _check_code(value: str) -> str:
    """Check a coded string (PS3.5 6.2, VR CS): 1 to 16 capital letters, digits, spaces and underscores."""
    if not re.fullmatch(r"[A-Z0-9 _]{1,16}", value.upper()):
        raise ValueError("1 to 16 letters, digits, spaces and underscores")
    return value.upper()


Code = Annotated[str, AfterValidator(_check_code)]
"""Coded string (PS3.5 6.2, VR CS)."""

METHOD = "^(auto|get|move)$"


class PullSettings(BaseModel):
    """Settings of how `tbscreen pull` and each `[[pulls]]` find and fetch studies."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    method: str = Field(default="auto", pattern=METHOD)
    """`get` (C-GET: films come on the same association), `move` (C-MOVE: the PACS sends films to the
    gateway's port, which its table of destinations must name), `auto`: C-GET where the PACS offers it, else
    C-MOVE. A peer with `protocol = "dicomweb"` is pulled from by WADO-RS, whatever is set here."""
    modalities: tuple[Code, ...] = Field(default=("CR", "DX", "DR"), min_length=1)
    """Modalities of the series that are fetched."""
    body_parts: tuple[Code, ...] = ("CHEST", "THORAX", "TORAX", "LUNG", "CXR")
    """Fetch only series whose Body Part Examined contains one of these words, is not given by the PACS or
    says nothing, such as `UNKNOWN`. Empty fetches every body part."""
    destination_ae_title: AeTitle | None = None
    """AE title of the C-MOVE destination; by default `gateway.ae_title`."""
    films_per_minute: float = Field(default=60.0, ge=0, le=100000)
    """Maximum number of films that each pull requests in a minute; 0 sets no limit."""
    studies_at_once: int = Field(default=1, ge=1, le=16)
    """Number of connections that fetch studies at the same time."""
    maximum_waiting_films: int = Field(default=200, ge=1)
    """Number of this gateway's films waiting for screening at which a pull pauses, so that the spool does not
    fill and sent films do not wait behind pulled ones."""
    answer_timeout_s: float = Field(default=600.0, gt=0, le=86400)
    """Longest silence of the PACS, in seconds, while it finds studies or fetches them from its archive."""
    arrival_s: float = Field(default=10.0, ge=0, le=3600)
    """Longest wait, in seconds, for films that the PACS reports as moved."""
    patience_s: float = Field(default=120.0, ge=0, le=86400)
    """Seconds without an answer of the PACS after which a pull ends; a new start continues from there."""
    maximum_attempts: int = Field(default=3, ge=1, le=100)
    """Number of times in one pull that an incomplete study is requested before it is marked as failed."""
    retry_s: float = Field(default=10.0, ge=0, le=3600)
    """Seconds before an incomplete study is requested again; doubled each time."""
    lease_s: float = Field(default=60.0, ge=1, le=3600)
    """Seconds after which another process may take over the pull of a process that died."""


class PullScheduleSettings(BaseModel):
    """Pulls of new studies from one PACS at intervals; one gateway at a time runs a schedule."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """Name of this pull in logs and tables."""
    peer: str
    """Name of the PACS in `[[peers]]`."""
    every_minutes: float = Field(default=5.0, gt=0, le=10080)
    """Minutes from the end of one round to the beginning of the next."""
    days: int = Field(default=2, ge=1, le=3660)
    """Number of study dates that are queried, today (this host's date) included."""
    start: time | None = None
    """Time of day from which rounds run, in this host's time zone: `"22:00"`. By default at any time."""
    stop: time | None = None
    """Time of day at which requests stop until `start`; it may be earlier than `start`."""

    def is_open(self, moment: time) -> bool:
        """True when studies may be requested at this time of day."""
        if self.start is None or self.stop is None or self.start == self.stop:
            return True
        if self.start < self.stop:
            return self.start <= moment < self.stop
        return moment >= self.start or moment < self.stop


def check_schedules(schedules: Sequence[PullScheduleSettings], peers: Collection[str]) -> None:
    """Check the names, peers and hours of schedules.

    Raises:
        ValueError: names the schedule and its fault.
    """
    names = [schedule.name for schedule in schedules]
    for schedule in schedules:
        if names.count(schedule.name) > 1:
            raise ValueError(f"pulls: the name {schedule.name!r} is given twice")
        if schedule.peer not in peers:
            raise ValueError(
                f"pulls: {schedule.name!r} names peer {schedule.peer!r}, which is not in [[peers]]"
            )
        if (schedule.start is None) != (schedule.stop is None):
            raise ValueError(f"pulls: {schedule.name!r} needs both start and stop, or neither")
