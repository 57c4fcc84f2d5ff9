"""Compares what senders were told with what stands in the database and in the PACS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from chaos.message_verdict import (
    MessageEvidence,
    find_strangers,
    find_told_twice,
    find_untold,
    gather_messages,
)
from db.database import Database
from db.states import DeliveryState, FilmState
from db.tables import (
    Conflict,
    Delivery,
    Hl7Message,
    Hl7OutboxEntry,
    Instance,
    OutboxEntry,
    RefusalOutboxEntry,
    ReportObject,
    Screening,
)
from tests.servers.pacs import Orthanc


@dataclass(frozen=True)
class FilmRecord:
    """The state of one SOP Instance UID in the database."""

    rows: int
    state: str
    refusal: str | None
    screenings: int
    reports: tuple[str, ...]
    """SOP Instance UIDs of its reports."""
    delivered: tuple[tuple[str, str], ...]
    """Peer and report of each delivery that the peer answered for."""


@dataclass(frozen=True)
class Evidence:
    """All that is looked at."""

    answered: Collection[str]
    """SOP Instance UIDs that senders were answered success for."""
    poisoned: Collection[str]
    films: dict[str, FilmRecord]
    pacs: Counter[str]
    """SOP Instance UID of each object in the PACS, and how often it is there."""
    other_pacs: tuple[Counter[str], ...] = ()
    """Likewise in every further PACS, each of which gets every report."""
    waiting: dict[str, int] = field(default_factory=dict)
    """Rows that are in no final state, by table."""
    messages: MessageEvidence | None = None
    """None where there is no HL7 receiver."""
    conflicts: Collection[str] = frozenset()
    """SOP Instance UIDs under which films of different patients wait for a person's decision."""


@dataclass(frozen=True)
class Verdict:
    """Everything that is wrong; empty is the aim."""

    lost: frozenset[str]
    """Films answered with success that have neither a refusal nor both, report in the PACS and message."""
    duplicated: frozenset[str]
    """Films with two rows, two screenings, a screening and a refusal, two reports, or two HL7 messages that a
    receiver does not recognize as one."""
    strangers: frozenset[str]
    """Objects in the PACS that are nobody's report, and HL7 messages that nobody made."""
    poison_survived: frozenset[str]
    """Poisoned films that were not refused as processing_failed."""
    struck_out: frozenset[str]
    """Good films that were refused as processing_failed: answered, but not as anybody wants it."""
    stuck: int
    """Rows in no final state."""
    results: int = 0
    """Films answered with success that have a result."""
    refusals: int = 0
    """Likewise with a refusal."""
    conflicts: int = 0
    """Likewise with neither, under a UID of two patients."""
    answered: int = 0
    """Films answered with success."""

    @property
    def is_good(self) -> bool:
        """True when nothing is wrong, and each film answered with success has one end."""
        return (
            not (self.lost or self.duplicated or self.strangers or self.poison_survived or self.struck_out)
            and not self.stuck
            and self.answered == self.results + self.refusals + self.conflicts
        )


def judge(evidence: Evidence) -> Verdict:
    """Find what is lost, doubled, foreign or stuck."""
    lost, duplicated, struck_out = set(), set(), set()
    archives = (evidence.pacs, *evidence.other_pacs)
    expected: set[str] = set()
    for uid, film in evidence.films.items():
        expected |= set(film.reports)
        answers = film.screenings + (film.refusal is not None)
        copies = max(sum(pacs[report] for report in film.reports) for pacs in archives)
        twice = len(film.delivered) > len(set(film.delivered))
        if film.rows > 1 or answers > 1 or len(film.reports) > 1 or copies > 1 or twice:
            duplicated.add(uid)
        if film.refusal == "processing_failed" and uid not in evidence.poisoned:
            struck_out.add(uid)
    for uid in evidence.answered:
        film_or_none = evidence.films.get(uid)
        if film_or_none is None or not all(_is_answered(film_or_none, pacs) for pacs in archives):
            lost.add(uid)
    strangers = set().union(*archives) - expected
    if evidence.messages is not None:
        screened = [
            uid for uid in evidence.answered if uid in evidence.films and evidence.films[uid].screenings
        ]
        lost |= find_untold(evidence.messages, screened)
        duplicated |= find_told_twice(evidence.messages)
        strangers |= find_strangers(evidence.messages)
    ends = Counter(_name_end(uid, evidence) for uid in evidence.answered)
    survived = {
        uid
        for uid in evidence.poisoned
        if uid in evidence.answered
        and (uid not in evidence.films or evidence.films[uid].refusal != "processing_failed")
    }
    return Verdict(
        lost=frozenset(lost),
        duplicated=frozenset(duplicated),
        strangers=frozenset(strangers),
        poison_survived=frozenset(survived),
        struck_out=frozenset(struck_out),
        stuck=sum(evidence.waiting.values()),
        results=ends["result"],
        refusals=ends["refusal"],
        conflicts=ends["conflict"],
        answered=len(evidence.answered),
    )


def _name_end(uid: str, evidence: Evidence) -> str:
    film = evidence.films.get(uid)
    if film is not None and film.screenings:
        return "result"
    if film is not None and film.refusal is not None:
        return "refusal"
    return "conflict" if uid in evidence.conflicts else "none"


def _is_answered(film: FilmRecord, pacs: Counter[str]) -> bool:
    if film.refusal is not None:
        return film.state == FilmState.REFUSED
    return film.screenings == 1 and bool(film.reports) and all(pacs[report] for report in film.reports)


def gather(
    database: Database,
    archives: Sequence[Orthanc],
    came: Sequence[bytes],
    answered: Collection[str],
    poisoned: Collection[str],
) -> Evidence:
    """Read the database and every PACS; `came` are the messages that the receiver got."""
    with database.read() as session:
        rows = session.execute(
            select(
                Instance.sop_instance_uid,
                Instance.state,
                Instance.refusal,
                Screening.id,
                ReportObject.sop_instance_uid,
                Delivery.peer,
                Delivery.state,
            )
            .outerjoin(Screening, Screening.instance_id == Instance.id)
            .outerjoin(ReportObject, ReportObject.screening_id == Screening.id)
            .outerjoin(Delivery, Delivery.sop_instance_uid == ReportObject.sop_instance_uid)
        ).all()
        revisions = dict(
            session.execute(
                select(Instance.sop_instance_uid, func.count()).group_by(Instance.sop_instance_uid)
            ).all()
        )
        waiting = count_waiting(session)
        conflicts = frozenset(session.scalars(select(Conflict.sop_instance_uid)))
        messages = gather_messages(session, came)
    by_film: dict[str, list[Any]] = {}
    for row in rows:
        by_film.setdefault(row[0], []).append(row)
    films = {uid: _record(revisions[uid], of_film) for uid, of_film in by_film.items()}
    pacs, *others = map(read_pacs, archives)
    return Evidence(answered, poisoned, films, pacs, tuple(others), waiting, messages, conflicts)


def count_waiting(session: Any) -> dict[str, int]:
    """Return how many rows are in no final state, by table."""
    films = select(func.count()).where(Instance.state.in_([FilmState.RECEIVED, FilmState.QUEUED]))
    outbox = select(func.count()).select_from(OutboxEntry)
    refusals = select(func.count()).select_from(RefusalOutboxEntry)
    deliveries = select(func.count()).where(Delivery.state != DeliveryState.DELIVERED)
    untold = select(func.count()).select_from(Hl7OutboxEntry)
    messages = select(func.count()).where(Hl7Message.state != DeliveryState.DELIVERED)
    return {
        "instances": session.scalar(films) or 0,
        "outbox": session.scalar(outbox) or 0,
        "refusal_outbox": session.scalar(refusals) or 0,
        "deliveries": session.scalar(deliveries) or 0,
        "hl7_outbox": session.scalar(untold) or 0,
        "hl7_messages": session.scalar(messages) or 0,
    }


def _record(rows_of_film: int, rows: Iterable[Any]) -> FilmRecord:
    of_film = list(rows)
    return FilmRecord(
        rows=rows_of_film,
        state=of_film[0][1],
        refusal=of_film[0][2],
        screenings=len({row[3] for row in of_film if row[3] is not None}),
        reports=tuple({row[4] for row in of_film if row[4] is not None}),
        delivered=tuple((row[5], row[4]) for row in of_film if row[6] == DeliveryState.DELIVERED),
    )


def read_pacs(orthanc: Orthanc) -> Counter[str]:
    """Return the SOP Instance UID of each object in the PACS."""
    instances = orthanc.get("/instances?expand")
    return Counter(instance["MainDicomTags"]["SOPInstanceUID"] for instance in instances)
