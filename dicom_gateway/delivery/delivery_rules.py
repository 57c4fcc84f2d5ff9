"""Delivery rules: the kinds of object that each peer gets, under conditions from the settings."""

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
"""Refusals that a peer gets only by a rule that names them. A CT routed here by mistake would
cause a refusal for each slice."""


class DeliveryRule(BaseModel):
    """One condition under which a peer gets objects. An empty field matches every film."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kinds: tuple[ReportKind, ...] = ()
    """Kinds of object that the peer gets of matching films; empty takes the peer's own `kinds`."""
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
    def _never_our_own(cls, value: tuple[Refusal, ...]) -> tuple[Refusal, ...]:
        if Refusal.OWN_OUTPUT in value:
            raise ValueError("own_output is never reported")
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


class Receiver(Protocol):
    """The attributes of a peer that delivery rules use."""

    @property
    def name(self) -> str:
        """Its name in tables."""

    @property
    def send_reports(self) -> bool:
        """False for a peer that gets no objects."""

    @property
    def kinds(self) -> tuple[ReportKind, ...]:
        """The kinds of object it gets."""

    @property
    def rules(self) -> tuple[DeliveryRule, ...]:
        """Its delivery rules; without any, it gets its `kinds` of every film."""


def choose_receivers(peers: Iterable[Receiver], facts: FilmFacts) -> Mapping[ReportKind, Sequence[str]]:
    """Return the names of the peers that get each kind of object of one film.

    A peer without rules gets its `kinds` of every film. A peer with rules gets the kinds of all its matching
    rules together; a film that matches none of them is not sent to it.
    """
    chosen: dict[ReportKind, list[str]] = {kind: [] for kind in ReportKind}
    for peer in peers:
        for kind in _choose_kinds(peer, facts):
            chosen[kind].append(peer.name)
    return chosen


def _choose_kinds(peer: Receiver, facts: FilmFacts) -> Collection[ReportKind]:
    if not peer.send_reports:
        return ()
    kinds: set[ReportKind] = set()
    for rule in peer.rules or (DeliveryRule(),):
        if _matches(rule, facts):
            kinds.update(rule.kinds or peer.kinds)
    if facts.refusal is None:
        return kinds - {ReportKind.REFUSAL}
    return kinds & {ReportKind.REFUSAL}


def _matches(rule: DeliveryRule, facts: FilmFacts) -> bool:
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
