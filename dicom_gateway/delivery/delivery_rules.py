"""Delivery rules: the kinds of object that each peer gets, under conditions that are data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Protocol

from pydantic import BaseModel, ConfigDict, field_validator

from db.delivery.outbox import ReportableScreening
from db.delivery.refusal_outbox import ReportableRefusal
from domain.codes import Finding, Priority, Refusal, ReportKind

ONLY_BY_NAME: Final = frozenset({Refusal.UNSUPPORTED_SOP_CLASS, Refusal.EXCLUDED_BY_RULE})
"""Refusals that a peer gets only by a rule that names them: a CT routed here by mistake would
give one for each slice."""


class DeliveryRule(BaseModel):
    """One condition under which a peer gets objects. What is left out fits everything."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kinds: tuple[ReportKind, ...] = ()
    """Kinds of object for the peer when this rule fits; left out, the peer's own `kinds`."""
    findings: tuple[Finding, ...] = ()
    """present, absent, undetermined. A rule with this fits no refusal."""
    priorities: tuple[Priority, ...] = ()
    """HIGH, MEDIUM, LOW. A rule with this fits no refusal."""
    refusals: tuple[Refusal, ...] = ()
    """Codes of refusals. A rule with this fits no result."""
    senders: tuple[str, ...] = ()
    """AE titles of the film's sender; `*` stands for anything."""
    stations: tuple[str, ...] = ()
    """Station Name (0008,1010); `*` stands for anything."""
    modalities: tuple[str, ...] = ()
    """Modality (0008,0060) of the film."""

    @field_validator("refusals")
    @classmethod
    def _never_our_own(cls, value: tuple[Refusal, ...]) -> tuple[Refusal, ...]:
        if Refusal.OWN_OUTPUT in value:
            raise ValueError("own_output is never reported")
        return value


@dataclass(frozen=True)
class FilmFacts:
    """The facts of a film and its result that rules ask for."""

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


class Receiver(Protocol):
    """A peer, as far as rules go."""

    @property
    def name(self) -> str:
        """Its name in tables."""

    @property
    def send_reports(self) -> bool:
        """False for a peer that gets nothing."""

    @property
    def kinds(self) -> tuple[ReportKind, ...]:
        """The kinds of object it gets."""

    @property
    def rules(self) -> tuple[DeliveryRule, ...]:
        """The condition; always without a rule."""


def choose_receivers(peers: Iterable[Receiver], facts: FilmFacts) -> Mapping[ReportKind, Sequence[str]]:
    """Return the peers that get each kind of object made of one film, by name.

    A peer without rules gets its `kinds` of every film. One with rules gets what its fitting rules name,
    added up; what no rule fits it does not get.
    """
    chosen: dict[ReportKind, list[str]] = {kind: [] for kind in ReportKind}
    for peer in peers:
        for kind in _choose_kinds(peer, facts):
            chosen[kind].append(peer.name)
    return chosen


def _choose_kinds(peer: Receiver, facts: FilmFacts) -> Collection[ReportKind]:
    if not peer.send_reports:
        return ()
    wanted: set[ReportKind] = set()
    for rule in peer.rules or (DeliveryRule(),):
        if _fits(rule, facts):
            wanted.update(rule.kinds or peer.kinds)
    if facts.refusal is None:
        return wanted - {ReportKind.REFUSAL}
    return wanted & {ReportKind.REFUSAL}


def _fits(rule: DeliveryRule, facts: FilmFacts) -> bool:
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
