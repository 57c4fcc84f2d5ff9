"""Delivery rules: the kinds of object that each peer gets, under conditions from the settings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from dicom_gateway.delivery.film_conditions import FilmConditions, FilmFacts, matches
from domain.codes import ReportKind


class DeliveryRule(FilmConditions):
    """One condition under which a peer gets objects. An empty field matches every film."""

    kinds: tuple[ReportKind, ...] = ()
    """Kinds of object that the peer gets of matching films; empty takes the peer's own `kinds`."""


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
        if matches(rule, facts):
            kinds.update(rule.kinds or peer.kinds)
    if facts.refusal is None:
        return kinds - {ReportKind.REFUSAL}
    return kinds & {ReportKind.REFUSAL}
