"""Preparation, dispatch and refusal of received films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.clock import now
from db.delivery import refusal_outbox
from db.entries import make_entry
from db.models import site_thresholds
from db.patients import conflicts
from db.states import FILM, FilmState
from db.tables import Instance, Model, Rendition, Screening, Study
from db.worklist import studies
from domain.codes import Doubt, Observation, Refusal

RECENT_SCREENINGS: Final = 500
"""Newest screenings in which `lease_due` looks for films that were dispatched later."""


@dataclass(frozen=True)
class DueFilm:
    """A film that its gateway has to prepare or dispatch now."""

    instance_id: int
    sop_instance_uid: str
    spool_path: str | None
    calling_ae_title: str
    preparation_attempts: int
    """Number of attempts, with the present one."""
    vain_dispatches: int = 0
    """Number of dispatches without a result while workers were at work."""
    preparation_strikes: int = 0
    """Number of earlier ones that failed by the film's doing."""
    urgent: bool = False
    """True when it is processed before others."""
    manufacturer: str = ""
    """Manufacturer (0008,0070) as its header names it."""


@dataclass(frozen=True)
class ArrayStatistics:
    """Statistics of an array's grey values, by which drift is monitored. All are 0..1."""

    mean: float
    deviation: float
    dark: float
    """Share of the array below 0.02."""


@dataclass(frozen=True)
class PinnedBundle:
    """The bundle and operating point with which a film revision is screened, fixed at first dispatch."""

    bundle_digest: str
    operating_point: str


def read_manufacturer(header: Mapping[str, Any]) -> str:
    """Return Manufacturer (0008,0070) from a header in the DICOM JSON model; "" where it names none."""
    values = header.get("00080070", {}).get("Value") or [""]
    return str(values[0])


def lease_due(
    session: Session,
    gateway: str,
    lease: timedelta,
    limit: int,
    urgent: bool = False,
    queue_is_empty: bool = False,
) -> list[DueFilm]:
    """Take up to `limit` films of `gateway` that are due, the longest due first.

    Args:
        session: one that writes.
        gateway: the gateway that holds the films.
        lease: duration of the lease.
        limit: largest number of films.
        urgent: True takes only urgent films.
        queue_is_empty: True when no message waits at the broker.

    A leased film becomes due again when the lease ends, so that a crashed gateway blocks no film. Preparation
    attempts are counted here, before the work, so that a film that always crashes its gateway ends, too.

    A queued film that is due was not screened in time: Redis lost its message, a worker crashed or dropped
    it, or no worker runs. Its dispatch was in vain if its message does not wait any more: nothing waits, or a
    film that was dispatched later is screened already.
    """
    moment = now()
    rows = session.scalars(
        select(Instance)
        .where(
            Instance.gateway == gateway,
            Instance.state.in_([FilmState.RECEIVED, FilmState.QUEUED]),
            Instance.due_at <= moment,
            *([Instance.urgent] if urgent else []),
        )
        .order_by(Instance.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    queued = [row for row in rows if row.state == FilmState.QUEUED]
    overtaken_until = _find_newest_dispatch(session, gateway) if queued and not queue_is_empty else None
    for row in queued:
        if queue_is_empty or (overtaken_until and row.queued_at and row.queued_at < overtaken_until):
            row.vain_dispatches += 1
    FILM.move_all(session, queued, FilmState.RECEIVED)
    leased = []
    for row in rows:
        row.due_at = moment + lease
        row.preparation_attempts += 1
        manufacturer = read_manufacturer(row.header)
        leased.append(make_entry(DueFilm, row, instance_id=row.id, manufacturer=manufacturer))
    return leased


def _find_newest_dispatch(session: Session, gateway: str) -> datetime | None:
    """Return the latest dispatch of a screened film of `gateway`, apart from urgent films, which overtake."""
    recent = select(Screening.instance_id).order_by(Screening.id.desc()).limit(RECENT_SCREENINGS).subquery()
    return session.scalar(
        select(func.max(Instance.queued_at))
        .join(recent, recent.c.instance_id == Instance.id)
        .where(Instance.gateway == gateway, ~Instance.urgent)
    )


def end_leases(session: Session, gateway: str) -> int:
    """Make all films due that an earlier process of `gateway` had leased, at the start of the next one.

    One process at a time works on a gateway's spool (`Spool.lock`), so that the leases of an earlier one are
    void. Counted attempts stay: the film may have crashed the process.

    Returns:
        The number of films.
    """
    rows = session.scalars(
        select(Instance)
        .where(Instance.gateway == gateway, Instance.state == FilmState.RECEIVED, Instance.due_at > now())
        .order_by(Instance.id)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.due_at = now()
    return len(rows)


def postpone(
    session: Session, instance_id: int, delay: timedelta, *, count_attempt: bool, strike: bool = False
) -> None:
    """Make a received film due again.

    Args:
        session: one that writes.
        instance_id: the film's row.
        delay: until it is due.
        count_attempt: False when an outage was the cause.
        strike: True when the film was the cause.
    """
    instance = session.get_one(Instance, instance_id, with_for_update=True)
    instance.due_at = now() + delay
    instance.preparation_strikes += strike
    if not count_attempt:
        instance.preparation_attempts = max(0, instance.preparation_attempts - 1)


def record_preparation(
    session: Session,
    instance_id: int,
    jpeg: bytes,
    doubts: Sequence[Doubt],
    statistics: ArrayStatistics | None = None,
    *,
    pixel_digest: str | None = None,
    from_archive: bool = False,
    observations: Sequence[Observation] = (),
) -> None:
    """Record what the gateway made of a film that will be screened.

    Args:
        session: one that writes.
        instance_id: the film.
        jpeg: its rendition.
        doubts: what could not be verified.
        statistics: of its array.
        pixel_digest: SHA-256 of its decoded pixels, hexadecimal; None where unknown.
        from_archive: True when its sender is an archive, which may have merged patients.
        observations: what was judged from its pixels.
    """
    instance = lock_film(session, instance_id)
    assert instance is not None
    instance.pixel_digest = pixel_digest
    if instance.line:
        conflicts.propose_merge(session, instance, from_archive=from_archive)
    if statistics is not None:
        instance.array_mean, instance.array_deviation = statistics.mean, statistics.deviation
        instance.array_dark = statistics.dark
    instance.prepared_at = now()
    instance.doubts = [doubt.value for doubt in doubts]
    instance.observations = [observation.value for observation in observations]
    session.merge(Rendition(instance_id=instance_id, jpeg=jpeg))


def pin_bundle(session: Session, instance_id: int, normalization_version: str) -> PinnedBundle | None:
    """Pin bundle and operating point at the film's first dispatch; later dispatches keep them.

    Args:
        session: in a transaction.
        instance_id: the film.
        normalization_version: version of the arrays that the gateway makes.

    Returns:
        The pinned bundle; None, and nothing is pinned, while no bundle that takes such arrays is active.
    """
    instance = session.get_one(Instance, instance_id, with_for_update=True)
    if instance.bundle_digest is None or instance.operating_point is None:
        model = session.scalar(select(Model).where(Model.active))
        if model is None or model.normalization_version != normalization_version:
            return None
        instance.bundle_digest = model.digest
        instance.operating_point = site_thresholds.find_operating_point(session, model)
    return PinnedBundle(instance.bundle_digest, instance.operating_point)


def mark_queued(session: Session, instance_id: int, redispatch_after: timedelta) -> bool:
    """Record that a received film is about to be sent to the broker.

    It is committed before the message is sent, because a worker must not receive a film that is not queued.
    If the message is not sent after all, the film becomes due again.

    Returns:
        False when the film is no longer waiting; no message must be sent then.
    """
    instance = session.get_one(Instance, instance_id, with_for_update=True)
    if instance.state != FilmState.RECEIVED:
        return False
    moment = now()
    FILM.move(
        session,
        instance,
        FilmState.QUEUED,
        queued_at=moment,
        preparation_attempts=0,
        preparation_strikes=0,
        due_at=moment + redispatch_after,
    )
    return True


def mark_unsent(session: Session, instance_id: int, retry_after: timedelta) -> None:
    """Revert `mark_queued` for a film that the broker did not accept."""
    instance = session.get_one(Instance, instance_id, with_for_update=True)
    if instance.state == FilmState.QUEUED:
        FILM.move(session, instance, FilmState.RECEIVED, due_at=now() + retry_after)


def lock_film(session: Session, instance_id: int) -> Instance | None:
    """Return a film's row, with its study's row locked first and then its own, until the transaction ends.

    Reception locks in the same order, so that two transactions cannot deadlock.
    """
    study_id = session.scalar(select(Instance.study_id).where(Instance.id == instance_id))
    if study_id is None:
        return None
    session.execute(select(Study.id).where(Study.id == study_id).with_for_update())
    return session.get(Instance, instance_id, with_for_update=True, populate_existing=True)


def refuse(session: Session, instance_id: int, refusal: Refusal, detail: str) -> bool:
    """Record the refusal of a film.

    Returns:
        False when it already has a screening or a refusal, which is kept.
    """
    instance = lock_film(session, instance_id)
    if instance is None or instance.state in (FilmState.SCREENED, FilmState.REFUSED):
        return False
    FILM.move(session, instance, FilmState.REFUSED, refusal=refusal.value, refusal_detail=detail)
    refusal_outbox.want(session, instance)
    studies.refresh(session, instance.study_id)
    return True


def retry_failed(session: Session) -> int:
    """Make all films due again that were refused as `processing_failed` and are still in a spool.

    Returns:
        The number of films.
    """
    failed = session.scalars(
        select(Instance.id).where(
            Instance.state == FilmState.REFUSED,
            Instance.refusal == Refusal.PROCESSING_FAILED,
            Instance.spool_path.is_not(None),
        )
    ).all()
    for instance_id in failed:
        instance = lock_film(session, instance_id)
        if instance is not None and instance.state == FilmState.REFUSED:
            FILM.move(
                session,
                instance,
                FilmState.RECEIVED,
                refusal=None,
                refusal_detail=None,
                preparation_attempts=0,
                preparation_strikes=0,
                screening_attempts=0,
                vain_dispatches=0,
                screening_strikes=0,
                bundle_digest=None,
                operating_point=None,
                due_at=now(),
            )
            refusal_outbox.close(session, instance_id)
            studies.refresh(session, instance.study_id)
    return len(failed)


def next_due_at(session: Session, gateway: str) -> datetime | None:
    """Return the time at which the next film of `gateway` becomes due, or None if no film waits."""
    return session.scalar(
        select(Instance.due_at)
        .where(
            Instance.gateway == gateway,
            Instance.state.in_([FilmState.RECEIVED, FilmState.QUEUED]),
        )
        .order_by(Instance.due_at)
        .limit(1)
    )
