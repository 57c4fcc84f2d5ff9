"""Conditions on films: which results and refusals a peer or HL7 receiver gets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, field_validator

from domain.codes import UNREPORTED, Finding, Priority, Refusal

if TYPE_CHECKING:  # settings have conditions, also in processes that decode and know no database
    from db.delivery.outbox import ReportableScreening
    from db.delivery.refusal_outbox import ReportableRefusal

ONLY_BY_NAME: Final = frozenset({Refusal.UNSUPPORTED_SOP_CLASS, Refusal.EXCLUDED_BY_RULE})
"""Refusals that are sent only by a rule that names them. A CT routed here by mistake would
cause a refusal for each slice."""


class FilmConditions(BaseModel):
    """Conditions on a film and its result. An empty field matches every film."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    findings: tuple[Finding, ...] = ()
    """present, absent, undetermined. A rule with findings matches no refusal."""
    priorities: tuple[Priority, ...] = ()
    """HIGH, MEDIUM, LOW. A rule with priorities matches no refusal."""
    refusals: tuple[Refusal, ...] = ()
    """Codes of refusals. A rule with refusals matches no result."""
    senders: tuple[str, ...] = ()
    """AE titles of the film's sender; `*` matches any characters."""
    stations: tuple[str, ...] = ()
    """Station Name (0008,1010); `*` matches any characters."""
    modalities: tuple[str, ...] = ()
    """Modality (0008,0060) of the film."""

    @field_validator("refusals")
    @classmethod
    def _only_reported(cls, value: tuple[Refusal, ...]) -> tuple[Refusal, ...]:
        for refusal in sorted(UNREPORTED):
            if refusal in value:
                raise ValueError(f"{refusal} is never reported")
        return value


@dataclass(frozen=True)
class FilmFacts:
    """The facts of a film and its result that delivery rules compare."""

    finding: Finding | None
    priority: Priority | None
    refusal: Refusal | None
    sender: str
    station: str | None
    modality: str | None

    @classmethod
    def of_screening(cls, screening: ReportableScreening) -> FilmFacts:
        """Return the facts of a screened film."""
        return cls(
            Finding(screening.finding),
            Priority(screening.priority),
            None,
            screening.calling_ae_title,
            screening.station_name,
            screening.modality,
        )

    @classmethod
    def of_refusal(cls, refusal: ReportableRefusal) -> FilmFacts:
        """Return the facts of a refused film."""
        return cls(
            None, None, refusal.refusal, refusal.calling_ae_title, refusal.station_name, refusal.modality
        )


def matches(rule: FilmConditions, facts: FilmFacts) -> bool:
    """True for a film that meets every condition of a rule."""
    if facts.refusal in ONLY_BY_NAME and facts.refusal not in rule.refusals:
        return False
    coded = (
        (rule.findings, facts.finding),
        (rule.priorities, facts.priority),
        (rule.refusals, facts.refusal),
    )
    patterns = (
        (rule.senders, facts.sender),
        (rule.stations, facts.station),
        (rule.modalities, facts.modality),
    )
    return all(not allowed or value in allowed for allowed, value in coded) and all(
        not allowed or _is_like(value, allowed) for allowed, value in patterns
    )


def _is_like(value: str | None, patterns: Iterable[str]) -> bool:
    text = (value or "").strip().upper()
    return any(fnmatchcase(text, pattern.strip().upper()) for pattern in patterns)
