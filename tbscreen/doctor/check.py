"""Finding of the doctor on one part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """Health of a part."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True)
class Check:
    """One part, how it is, and what to do."""

    part: str
    health: Health
    finding: str
    advice: str = ""
