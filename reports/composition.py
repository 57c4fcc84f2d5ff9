"""Composition of a report by a few queries in one pass, with memory that does not grow with the headers."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Final

import numpy as np
from sqlalchemy.orm import Session

from db.bacteriology.reference import Reference, find_reference
from db.clock import now
from db.counts import read_films, report_counts
from db.counts.read_films import ReadFilm
from db.counts.reader_reads import stream_reader_reads
from db.counts.referrals import watch_referral
from db.counts.report_counts import STAGES, FilmCount, Grouping
from db.counts.threshold_cells import count_cells
from db.models import rule_in_thresholds
from db.states import DeliveryState, FilmState
from domain.bacteriology import TruthSource
from domain.codes import Finding, Priority
from judging.statistics import measure_proportion
from reports import agreement
from reports.drift import measure_drift
from reports.figures import (
    Bands,
    CellFigures,
    Deliveries,
    Drift,
    Flow,
    Group,
    Histogram,
    Report,
    Stage,
    TbScores,
    WeekCount,
)
from reports.period import FIRST_YEAR, Period
from reports.reader_figures import measure_readers
from reports.settings import ReportSettings

ALL: Final = "all films"


@dataclass(frozen=True)
class Request:
    """Period and grouping of a report."""

    period: Period
    by: Grouping | None = None
    with_studies: bool = False
    """True for accession number and study date, which are patient data, in the list of disagreements."""
    reference_first: date | None = None
    """Reference period of drift; None: that of the settings, else the 90 days before the period."""
    reference_last: date | None = None
    truth: TruthSource = TruthSource.READS
    """The truth that scores are measured against."""


@dataclass
class _Counts:
    """Counts of one group, filled while rows are read."""

    films: list[FilmCount] = field(default_factory=list)
    deliveries: Counter[str] = field(default_factory=Counter)
    stages: tuple[array[float], ...] = field(default_factory=lambda: tuple(array("d") for _ in STAGES))
    read: list[ReadFilm] = field(default_factory=list)
    blinded: list[ReadFilm] = field(default_factory=list)
    studies: int = 0


def compose_report(session: Session, request: Request, settings: ReportSettings, version: str) -> Report:
    """Compose the report of a request.

    Args:
        session: a read session with a snapshot, so that all figures are of one moment.
        request: period and grouping.
        settings: settings of the site.
        version: version of tbscreen.

    Raises:
        PeriodError: when the reference period is invalid.
    """
    period = request.period
    span = period.to_span()
    reference = find_reference(session, request.truth, span.start, span.end)
    total = _collect(session, period, None, reference)
    groups = _collect(session, period, request.by, reference) if request.by else {}
    superseded, own = report_counts.count_left_out(session, span)
    everything = total.get(ALL, _Counts())
    before = period.find_before() if period.first.year > FIRST_YEAR + 10 else None
    studies = agreement.keep_worst(everything.read)
    rule_in = rule_in_thresholds.find(session, {(film.digest, film.operating_point) for film in studies})
    listed, in_all = agreement.list_disagreements(studies, rule_in, named=request.with_studies)
    return Report(
        organisation=settings.organisation,
        truth=request.truth.value,
        first=period.first,
        last=period.last,
        timezone=period.timezone,
        made_at=now(),
        version=version,
        by=request.by.value if request.by else None,
        total=_describe(ALL, everything),
        groups=tuple(_describe(name, groups[name]) for name in sorted(groups)),
        before=None if before is None else _describe_before(session, before, request),
        before_first=None if before is None else before.first,
        before_last=None if before is None else before.last,
        readers=measure_readers(stream_reader_reads(session, span)),
        cells=tuple(
            CellFigures(**asdict(cell), share_present=measure_proportion(cell.present, cell.films))
            for cell in count_cells(session, span)
        ),
        superseded=superseded,
        own_objects=own,
        weeks=_count_weeks(session, period),
        histograms=tuple(
            Histogram(model=model, films=tuple(films))
            for model, films in report_counts.count_scores(session, span).items()
        ),
        tb_scores=tuple(
            TbScores(model=model, films=tuple(films))
            for model, films in report_counts.count_tb_scores(session, span).items()
        ),
        rocs=agreement.draw_rocs(studies),
        calibration=agreement.bin_calibration(studies),
        referral=_warn_of_referral(session, settings),
        disagreements=tuple(listed),
        disagreements_in_all=in_all,
        named_studies=request.with_studies,
        drift=_watch(session, request, settings),
    )


def _describe_before(session: Session, before: Period, request: Request) -> Group:
    span = before.to_span()
    reference = find_reference(session, request.truth, span.start, span.end)
    return _describe(ALL, _collect(session, before, None, reference).get(ALL, _Counts()))


def _warn_of_referral(session: Session, settings: ReportSettings) -> str | None:
    found = watch_referral(session, settings.prevalence)
    return None if found is None or found.warned_after is None else found.describe()


def _collect(
    session: Session, period: Period, grouping: Grouping | None, reference: Reference
) -> dict[str, _Counts]:
    span = period.to_span()
    group = report_counts.group_by(grouping, period.list_months())
    counts: dict[str, _Counts] = {}

    def of(name: str) -> _Counts:
        return counts.setdefault(name, _Counts())

    for film in report_counts.count_films(session, span, group):
        of(film.group).films.append(film)
    for name, state, number in report_counts.count_deliveries(session, span, group):
        of(name).deliveries[state] += number
    for name, durations in report_counts.stream_stages(session, span, group):
        for stage, duration in zip(of(name).stages, durations, strict=True):
            if duration is not None:
                stage.append(duration)
    for read in read_films.stream_read_films(session, span, group, reference):
        of(read.group).read.append(read)
    for read in read_films.stream_blinded_films(session, span, group):
        of(read.group).blinded.append(read)
    for name, number in read_films.count_screened_studies(session, span, group).items():
        of(name).studies = number
    return counts


def _count_weeks(session: Session, period: Period) -> tuple[WeekCount, ...]:
    weeks = period.list_weeks()
    films: dict[str, list[FilmCount]] = {week.name: [] for week in weeks}
    for film in report_counts.count_films(session, period.to_span(), report_counts.place_in(weeks)):
        films[film.group].append(film)
    return tuple(
        WeekCount(
            week=date.fromisoformat(name),
            received=sum(row.films for row in counts),
            screened=sum(row.films for row in counts if row.state is FilmState.SCREENED),
            present=sum(row.films for row in counts if row.trained and row.finding == Finding.PRESENT),
        )
        for name, counts in films.items()
    )


def _describe(name: str, counts: _Counts) -> Group:
    delivered = counts.deliveries
    return Group(
        name=name,
        flow=_describe_flow(counts.films),
        bands=_describe_bands([film for film in counts.films if film.trained]),
        stages=tuple(_describe_stage(*stage) for stage in zip(STAGES, counts.stages, strict=True)),
        deliveries=Deliveries(
            delivered=delivered[DeliveryState.DELIVERED],
            pending=delivered[DeliveryState.PENDING],
            parked=delivered[DeliveryState.PARKED],
            unbuilt=delivered["unbuilt"],
        ),
        agreement=agreement.measure_agreement(agreement.keep_worst(counts.read), counts.studies),
        blinded=agreement.measure_agreement(agreement.keep_worst(counts.blinded), counts.studies)
        if counts.blinded
        else None,
    )


def _describe_flow(films: Sequence[FilmCount]) -> Flow:
    states, refused = Counter[FilmState](), Counter[str]()
    for film in films:
        states[film.state] += film.films
        if film.state is FilmState.REFUSED:
            refused[film.refusal or "no reason"] += film.films
    return Flow(
        received=states.total(),
        screened=states[FilmState.SCREENED],
        waiting=states[FilmState.RECEIVED] + states[FilmState.QUEUED],
        refused=dict(sorted(refused.items(), key=lambda item: (-item[1], item[0]))),
        untrained=sum(film.films for film in films if film.trained is False),
    )


def _describe_bands(films: Iterable[FilmCount]) -> Bands:
    priorities, findings = Counter[str | None](), Counter[str | None]()
    for film in films:
        priorities[film.priority] += film.films
        findings[film.finding] += film.films
    return Bands(
        high=priorities[Priority.HIGH],
        medium=priorities[Priority.MEDIUM],
        low=priorities[Priority.LOW],
        present=findings[Finding.PRESENT],
        absent=findings[Finding.ABSENT],
        undetermined=findings[Finding.UNDETERMINED],
        share_present=measure_proportion(findings[Finding.PRESENT], findings.total()),
    )


def _describe_stage(name: str, durations: array[float]) -> Stage:
    if not durations:
        return Stage(name=name, films=0, median_ms=None, p95_ms=None)
    median, p95 = np.quantile(np.array(durations), (0.5, 0.95)).tolist()
    return Stage(name=name, films=len(durations), median_ms=median, p95_ms=p95)


def _watch(session: Session, request: Request, settings: ReportSettings) -> Drift:
    period = request.period
    first = request.reference_first or settings.reference_from
    last = request.reference_last or settings.reference_to
    reference = period.find_reference(first, last)
    before = reference.to_span()
    return measure_drift(
        read_films.stream_input(session, before, [before]),
        read_films.stream_input(session, period.to_span(), period.list_weeks()),
        reference,
        settings.drift_index,
    )
