"""Screened films with a verdict, for accuracy, and inputs of all screened films, for drift."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.bacteriology.reference import READS, Reference
from db.counts.report_counts import NO_STATION, AnySelect, Span, is_film, name_model, place_in, stream
from db.tables import Instance, Model, Read, Screening, Study
from db.worklist.standing_reads import counts_for
from domain.codes import Finding, Priority, Verdict


@dataclass(frozen=True)
class ReadFilm:
    """One screened film of a study with a verdict. Accession number and study date identify a patient."""

    group: str
    study_id: int
    verdict: Verdict
    """Unsure also where readers differ and nobody has decided."""
    score: float
    threshold: float
    probability: float
    finding: Finding
    priority: Priority
    operating_point: str
    model: str
    digest: str
    accession_number: str | None
    study_date: str | None
    sex: str | None
    age_years: int | None
    station: str
    readers_differ: bool = False
    by_bacteriology: bool = False
    """True when bacteriology gave the verdict, False when a read did."""


BLINDED: Final = (
    select(
        Read.study_id,
        func.min(Read.read_at).label("read_at"),
        case((func.min(Read.verdict) == func.max(Read.verdict), func.min(Read.verdict))).label("verdict"),
    )
    .where(Read.blinded, Read.withdrawn_at.is_(None))
    .group_by(Read.study_id)
)
"""The verdict of each study's blinded reads; null where their readers differ."""


@dataclass(frozen=True)
class FilmInput:
    """Values of a film by which drift is monitored. `week` is the name of a span; unknown values are None."""

    station: str
    week: str
    model: str
    score: float | None
    array_mean: float | None
    array_deviation: float | None
    array_dark: float | None
    age_years: int | None


def stream_read_films(
    session: Session, period: Span, group: ColumnElement[str], reference: Reference = READS
) -> Iterator[ReadFilm]:
    """Yield the period's films that a trained model screened and whose studies have a verdict.

    A read counts if it is later than the film and showed it. They come in the order of their studies, the
    most suspicious film of each study first.
    """
    query = (
        _select_films(period, group, Read.verdict, Study.differing_verdicts.is_not(None))
        .add_columns(Instance.id.label("instance_id"), Read.shown_films)
        .join(
            Read,
            and_(Read.study_id == Study.id, Read.current, Read.read_at >= Instance.received_at),
            isouter=not reference.needs_reads,
        )
    )
    for row in stream(session, query):
        read = Verdict.UNSURE.value if row.readers_differ and row.verdict else row.verdict
        if not counts_for(row.shown_films, row.instance_id):
            read = None
        judged = reference.judge(row.study_id, read)
        if judged is None:
            continue
        columns = row._asdict()
        del columns["instance_id"], columns["shown_films"]
        columns["readers_differ"] = row.readers_differ and not judged.by_bacteriology
        columns["verdict"], columns["by_bacteriology"] = judged.verdict, judged.by_bacteriology
        yield _make_film(columns)


def stream_blinded_films(session: Session, period: Span, group: ColumnElement[str]) -> Iterator[ReadFilm]:
    """Yield the period's films that a trained model screened and whose studies have a blinded read.

    The verdict is that of the blinded reads, whatever was read afterwards; unsure where their readers differ.
    They count if all of them are later than the film. The order is that of `stream_read_films`.
    """
    blinded = BLINDED.where(Read.read_at >= period.start).subquery()
    query = _select_films(period, group, blinded.c.verdict, blinded.c.verdict.is_(None)).join(
        blinded, and_(blinded.c.study_id == Study.id, blinded.c.read_at >= Instance.received_at)
    )
    for row in stream(session, query):
        yield _make_film({**row._asdict(), "verdict": Verdict(row.verdict or Verdict.UNSURE)})


def _select_films(
    period: Span,
    group: ColumnElement[str],
    verdict: ColumnElement[Any] | InstrumentedAttribute[str],
    differ: ColumnElement[bool],
) -> AnySelect:
    return (
        select(
            group.label("group"),
            Study.id.label("study_id"),
            verdict.label("verdict"),
            Screening.score,
            Screening.threshold,
            Screening.probability,
            Screening.finding,
            Screening.priority,
            Screening.operating_point,
            name_model().label("model"),
            Model.digest,
            Study.accession_number,
            Study.study_date,
            Study.patient_sex.label("sex"),
            Instance.age_years,
            func.coalesce(Instance.station_name, NO_STATION).label("station"),
            differ.label("readers_differ"),
        )
        .select_from(Instance)
        .join(Screening, Screening.instance_id == Instance.id)
        .join(Model, Model.digest == Screening.bundle_digest)
        .join(Study, Study.id == Instance.study_id)
        .where(is_film(period), Model.trained)
        .order_by(Study.id, Screening.probability.desc(), Instance.id)
    )


def _make_film(columns: dict[str, Any]) -> ReadFilm:
    columns["finding"], columns["priority"] = Finding(columns["finding"]), Priority(columns["priority"])
    return ReadFilm(**columns)


def count_screened_studies(session: Session, period: Span, group: ColumnElement[str]) -> dict[str, int]:
    """Return by group the number of studies with a film that a trained model screened."""
    studies = (
        select(group.label("name"), Instance.study_id)
        .select_from(Instance)
        .join(Screening, Screening.instance_id == Instance.id)
        .join(Model, Model.digest == Screening.bundle_digest)
        .where(is_film(period), Model.trained)
        .distinct()
        .subquery()
    )
    counted = select(studies.c.name, func.count()).group_by(studies.c.name)
    return {row[0]: row[1] for row in session.execute(counted)}


def count_screened_by_side(session: Session, period: Span, digest: str) -> dict[bool, int]:
    """Return the number of a bundle's studies whose highest score reached its threshold (True) or not."""
    side = func.max(case((Screening.score >= Screening.threshold, 1), else_=0))
    studies = (
        select(side.label("side"))
        .select_from(Instance)
        .join(Screening, Screening.instance_id == Instance.id)
        .where(is_film(period), Screening.bundle_digest == digest)
        .group_by(Instance.study_id)
        .subquery()
    )
    counted = select(studies.c.side, func.count()).group_by(studies.c.side)
    found = {bool(row[0]): row[1] for row in session.execute(counted)}
    return {positive: found.get(positive, 0) for positive in (True, False)}


def stream_input(session: Session, period: Span, weeks: Sequence[Span]) -> Iterator[FilmInput]:
    """Yield scores and input statistics of the period's screened films.

    Args:
        session: one that reads.
        period: time of their reception.
        weeks: spans that cover the period, in order.
    """
    query: AnySelect = (
        select(
            func.coalesce(Instance.station_name, NO_STATION).label("station"),
            place_in(weeks).label("week"),
            name_model().label("model"),
            case((Model.trained, Screening.score)).label("score"),
            Instance.array_mean,
            Instance.array_deviation,
            Instance.array_dark,
            Instance.age_years,
        )
        .select_from(Instance)
        .join(Screening, Screening.instance_id == Instance.id)
        .join(Model, Model.digest == Screening.bundle_digest)
        .where(is_film(period))
    )
    for row in stream(session, query):
        yield FilmInput(**row._asdict())
