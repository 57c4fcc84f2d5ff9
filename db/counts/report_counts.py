"""Counts for reports: films, findings, scores, deliveries and stages of a period, by group.

A film counts once, as its current revision, in the period of its reception. Objects that tbscreen itself
made and received back do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, literal, null, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.durations import milliseconds_between
from db.models import rule_in_thresholds
from db.states import FilmState
from db.tables import (
    Delivery,
    Instance,
    Model,
    OutboxEntry,
    Read,
    Record,
    RefusalOutboxEntry,
    ReportObject,
    Screening,
)
from domain.bundle.tb_score import TOP, unplace
from domain.codes import Refusal

NO_STATION: Final = "station not named"
NO_MODEL: Final = "not screened"
SCORE_BINS: Final = 20
"""Number of bins of equal width over scores of 0..1, and over TB scores of 0..100."""

BATCH: Final = 5000
"""Rows that are fetched at once where films are streamed."""


AnySelect: TypeAlias = "Select[*tuple[Any, ...]]"


class Grouping(StrEnum):
    """The property by which films are grouped."""

    SITE = "site"
    """Institution Name (0008,0080); where a film has none, the sender's AE title."""
    STATION = "station"
    """Station Name (0008,1010)."""
    MONTH = "month"
    """Calendar months of the period, in its time zone."""
    MODEL = "model"


@dataclass(frozen=True)
class Span:
    """A named span of time, `start` included and `end` excluded."""

    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class FilmCount:
    """Number of films that share these values."""

    group: str
    state: FilmState
    refusal: str | None
    finding: str | None
    priority: str | None
    trained: bool | None
    films: int


STAGES: Final = (
    "receive",
    "prepare",
    "queue",
    "predict",
    "report",
    "deliver",
    "until screened",
    "until delivered",
    "until read",
)
"""The stages of the worklist, and the times from the sender's request to result, first delivery, and the
first read of the study that is younger than the film and was not undone."""


def count_films(session: Session, period: Span, group: ColumnElement[str]) -> list[FilmCount]:
    """Count the period's films by group, state, refusal, finding, priority and training of the model."""
    films = _join_model(
        select(
            group,
            Instance.state,
            Instance.refusal,
            Screening.finding,
            Screening.priority,
            Model.trained,
        )
    ).where(is_film(period))
    return [
        FilmCount(row[0], FilmState(row[1]), row[2], row[3], row[4], row[5], row[6])
        for row in session.execute(count_alike(films))
    ]


def count_left_out(session: Session, period: Span) -> tuple[int, int]:
    """Return the numbers of superseded revisions and of own objects received back in the period."""
    own = Instance.refusal == Refusal.OWN_OUTPUT
    row = session.execute(
        select(
            func.count(case((and_(~Instance.current, or_(Instance.refusal.is_(None), ~own)), 1))),
            func.count(case((own, 1))),
        ).where(Instance.received_at >= period.start, Instance.received_at < period.end)
    ).one()
    return row[0], row[1]


def count_scores(session: Session, period: Span) -> dict[str, list[int]]:
    """Return the number of films in each of `SCORE_BINS` bins of the score, for each trained model."""
    model = name_model()
    place = case(
        *((Screening.score < literal((number + 1) / SCORE_BINS), number) for number in range(SCORE_BINS - 1)),
        else_=SCORE_BINS - 1,
    )
    query = _join_model(select(model, place)).where(is_film(period), Model.trained)
    counts: dict[str, list[int]] = {}
    for name, number, films in session.execute(count_alike(query)):
        counts.setdefault(name, [0] * SCORE_BINS)[number] = films
    return dict(sorted(counts.items()))


def count_tb_scores(session: Session, period: Span) -> dict[str, list[int]]:
    """Return the number of films in each of `SCORE_BINS` bins of the TB score, for each trained model."""
    used = _join_model(
        select(Screening.bundle_digest, Screening.operating_point, Screening.threshold).distinct()
    ).where(is_film(period), Model.trained)
    thresholds = {(digest, point): threshold for digest, point, threshold in session.execute(used)}
    rule_in = rule_in_thresholds.find(session, thresholds)
    if not rule_in:
        return {}
    edges = [number * TOP // SCORE_BINS for number in range(1, SCORE_BINS)]
    place = case(
        *(
            (
                and_(
                    Screening.bundle_digest == digest,
                    Screening.operating_point == point,
                    Screening.score < literal(unplace(edge, thresholds[digest, point], high)),
                ),
                number,
            )
            for (digest, point), high in rule_in.items()
            for number, edge in enumerate(edges)
        ),
        else_=SCORE_BINS - 1,
    )
    model = name_model()
    query = _join_model(select(model, place)).where(
        is_film(period), tuple_(Screening.bundle_digest, Screening.operating_point).in_(list(rule_in))
    )
    counts: dict[str, list[int]] = {}
    for name, number, films in session.execute(count_alike(query)):
        counts.setdefault(name, [0] * SCORE_BINS)[number] = films
    return dict(sorted(counts.items()))


def count_deliveries(session: Session, period: Span, group: ColumnElement[str]) -> list[tuple[str, str, int]]:
    """Return (group, state, number) of the deliveries of the period's films, refused ones included.

    The state "unbuilt" counts films whose report or refusal is not built yet.
    """
    counts: list[tuple[str, str, int]] = []
    sources: tuple[tuple[ColumnElement[bool], type[Record], ColumnElement[bool]], ...] = (
        (
            ReportObject.screening_id == Screening.id,
            OutboxEntry,
            OutboxEntry.screening_id == Screening.id,
        ),
        (
            ReportObject.instance_id == Instance.id,
            RefusalOutboxEntry,
            RefusalOutboxEntry.instance_id == Instance.id,
        ),
    )
    for of_report, outbox, waiting in sources:
        sent = (
            _join_model(select(group, Delivery.state))
            .join(ReportObject, of_report)
            .join(Delivery, Delivery.sop_instance_uid == ReportObject.sop_instance_uid)
            .where(is_film(period))
        )
        unbuilt = _join_model(select(group, literal("unbuilt"))).join(outbox, waiting).where(is_film(period))
        counts += [(name, state, number) for name, state, number in session.execute(count_alike(sent))]
        counts += [(name, state, number) for name, state, number in session.execute(count_alike(unbuilt))]
    return counts


def stream_stages(
    session: Session, period: Span, group: ColumnElement[str]
) -> Iterator[tuple[str, Sequence[float | None]]]:
    """Yield group and milliseconds of each of `STAGES` of every film; None for an unfinished stage."""
    created, delivered = _find_first(Delivery.created_at), _find_first(Delivery.delivered_at)
    query = _join_model(
        select(
            group,
            milliseconds_between(Instance.requested_at, Instance.received_at),
            milliseconds_between(Instance.received_at, Instance.prepared_at),
            milliseconds_between(Instance.prepared_at, Screening.started_at),
            milliseconds_between(Screening.started_at, Screening.finished_at),
            milliseconds_between(Screening.finished_at, created),
            milliseconds_between(created, delivered),
            milliseconds_between(Instance.requested_at, Screening.finished_at),
            milliseconds_between(Instance.requested_at, delivered),
            milliseconds_between(Instance.requested_at, _find_first_read()),
        )
    ).where(is_film(period))
    for row in stream(session, query):
        yield row[0], row[1:]


def _find_first(moment: InstrumentedAttribute[Any]) -> ColumnElement[datetime]:
    """Return the earliest `moment` of the finished deliveries of a screening.

    It is a subquery per film, because a join over all screenings would scan every delivery.
    """
    return (
        select(func.min(moment))
        .select_from(ReportObject)
        .join(Delivery, Delivery.sop_instance_uid == ReportObject.sop_instance_uid)
        .where(ReportObject.screening_id == Screening.id, Delivery.delivered_at.is_not(None))
        .correlate(Screening)
        .scalar_subquery()
    )


def _find_first_read() -> ColumnElement[datetime]:
    return (
        select(func.min(Read.read_at))
        .where(
            Read.study_id == Instance.study_id,
            Read.read_at >= Instance.received_at,
            Read.withdrawn_at.is_(None),
        )
        .correlate(Instance)
        .scalar_subquery()
    )


def group_by(grouping: Grouping | None, months: Sequence[Span] = ()) -> ColumnElement[str]:
    """Return the expression by which films are grouped; None makes one group of all.

    Args:
        grouping: the property.
        months: for `Grouping.MONTH`: spans that cover the period, in order.
    """
    if grouping is Grouping.SITE:
        return func.coalesce(Instance.institution_name, literal("AE title ") + Instance.calling_ae_title)
    if grouping is Grouping.STATION:
        return func.coalesce(Instance.station_name, literal(NO_STATION))
    if grouping is Grouping.MONTH:
        return place_in(months)
    if grouping is Grouping.MODEL:
        return name_model()
    return literal("all films")


def place_in(spans: Sequence[Span]) -> ColumnElement[str]:
    """Return the name of the span in which a film was received; `spans` follow each other."""
    cases = [(Instance.received_at < span.end, literal(span.name)) for span in spans]
    return case(*cases, else_=null())


def name_model() -> ColumnElement[str]:
    """Return "name version (digest)" of the model that screened a film."""
    digest = func.substr(Model.digest, 1, 8)
    name = Model.name + literal(" ") + Model.version + literal(" (") + digest + literal(")")
    return func.coalesce(name, literal(NO_MODEL))


def is_film(period: Span) -> ColumnElement[bool]:
    """Return the condition for current revisions of films of a period."""
    return and_(
        Instance.received_at >= period.start,
        Instance.received_at < period.end,
        Instance.current,
        or_(Instance.refusal.is_(None), Instance.refusal != Refusal.OWN_OUTPUT),
    )


def count_alike(query: AnySelect) -> AnySelect:
    """Return a query for the distinct rows of `query` and the number of each.

    It uses a subquery, because PostgreSQL does not recognize two equal expressions with parameters.
    """
    rows = query.subquery()
    return select(*rows.c, func.count()).group_by(*rows.c)


def stream(session: Session, query: AnySelect) -> Iterator[Row[*tuple[Any, ...]]]:
    """Yield a query's rows without loading all of them."""
    return iter(session.execute(query.execution_options(yield_per=BATCH)))


def _join_model(query: AnySelect) -> AnySelect:
    return (
        query.select_from(Instance)
        .outerjoin(Screening, Screening.instance_id == Instance.id)
        .outerjoin(Model, Model.digest == Screening.bundle_digest)
    )
