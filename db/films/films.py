"""Preparation, dispatch and refusal of received films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Insert, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, load_only, undefer

from db.clock import now
from db.database import is_sqlite
from db.delivery import refusal_outbox, report_objects
from db.entries import make_entry
from db.films import revisions
from db.hl7 import hl7_outbox
from db.models import site_thresholds
from db.patients import conflicts
from db.states import FILM, FilmState
from db.tables import Instance, Model, Rendition, Screening, Study
from domain.array.array_statistics import ArrayStatistics
from domain.codes import Doubt, Observation, Refusal

HELD: Final = "held films"
"""Key of `Session.info`: the films that `lock_film` has locked."""

ACTIVE: Final = "active bundle"
"""Key of `Session.info`: what `pin_bundle` has found."""

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
    is_named_as_object: bool = False
    """True when an object that tbscreen made has its SOP Instance UID."""


@dataclass(frozen=True)
class PinnedBundle:
    """The bundle and operating point with which a film revision is screened, fixed at first dispatch."""

    bundle_digest: str
    operating_point: str


def read_manufacturer(header: Mapping[str, Any]) -> str:
    """Return Manufacturer (0008,0070) from a header in the DICOM JSON model; "" where it names none."""
    values = header.get("00080070", {}).get("Value") or [""]
    return str(values[0])


# Statements of each film are made once: making one costs as much as running it.
_ACTIVE_MODEL: Final = select(Model).where(Model.active).options(load_only(Model.normalization_version))
_WAITING: Final = (
    select(Instance)
    .where(
        Instance.gateway == bindparam("gateway"),
        Instance.state.in_([FilmState.RECEIVED, FilmState.QUEUED]),
        Instance.due_at <= bindparam("moment"),
    )
    .order_by(Instance.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .options(undefer(Instance.header))
)
_DUE: Final = {False: _WAITING, True: _WAITING.where(Instance.urgent)}
"""The query of `lease_due`, by whether it takes only urgent films."""


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
    attempts are counted here, before the work, so that a film that always crashes its gateway ends, too. A
    film whose preparation was begun before is taken alone: it then costs no other film an attempt.

    A queued film that is due was not screened in time: Redis lost its message, a worker crashed or dropped
    it, or no worker runs. Its dispatch was in vain if its message does not wait any more: nothing waits, or a
    film that was dispatched later is screened already.
    """
    moment = now()
    rows = session.scalars(_DUE[urgent], {"gateway": gateway, "moment": moment, "most": limit}).all()
    rows = rows[:1] if rows and rows[0].preparation_attempts else _take_until_tried(rows)
    queued = [row for row in rows if row.state == FilmState.QUEUED]
    overtaken_until = _find_newest_dispatch(session, gateway) if queued and not queue_is_empty else None
    for row in queued:
        if queue_is_empty or (overtaken_until and row.queued_at and row.queued_at < overtaken_until):
            row.vain_dispatches += 1
    FILM.move_all(session, queued, FilmState.RECEIVED)
    objects = report_objects.find_known(session, [row.sop_instance_uid for row in rows])
    leased = []
    for row in rows:
        row.due_at = moment + lease
        row.preparation_attempts += 1
        leased.append(
            make_entry(
                DueFilm,
                row,
                instance_id=row.id,
                manufacturer=read_manufacturer(row.header),
                is_named_as_object=row.sop_instance_uid in objects,
            )
        )
    return leased


def is_stored(session: Session, leased: DueFilm) -> bool:
    """True unless a leased film was erased: SQLite gives its number to the next one."""
    uid = select(Instance.sop_instance_uid).where(Instance.id == leased.instance_id)
    return not is_sqlite(session) or session.scalar(uid) == leased.sop_instance_uid


def _take_until_tried(rows: Sequence[Instance]) -> Sequence[Instance]:
    return list(takewhile(lambda row: row.preparation_attempts == 0, rows))


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
    content_digest: str | None = None,
    from_archive: bool = False,
    observations: Sequence[Observation] = (),
    transforms: dict[str, Any] | None = None,
) -> bool:
    """Record what the gateway made of a film that will be screened.

    A film that is another revision in another encoding ends here, without a screening of its own.

    Args:
        session: one that writes.
        instance_id: the film.
        jpeg: its rendition.
        doubts: what could not be verified.
        statistics: of its array.
        pixel_digest: SHA-256 of its decoded pixels, hexadecimal; None where unknown.
        content_digest: SHA-256 of what it says in any encoding, likewise.
        from_archive: True when its sender is an archive, which may have merged patients.
        observations: what was judged from its pixels.
        transforms: from its stored values to the rendition, as JSON; None for a colour picture.

    Returns:
        False for the same film as another revision, and for a film that was erased meanwhile.
    """
    instance = lock_film(session, instance_id)
    if instance is None:
        return False
    instance.pixel_digest, instance.content_digest = pixel_digest, content_digest
    with session.no_autoflush:  # one UPDATE, with the bundle
        same = revisions.find_same(session, instance)
    if same is not None and instance.state == FilmState.RECEIVED:
        detail = f"revision {same.revision} is the same film in another encoding"
        refuse(session, instance_id, Refusal.SAME_FILM, detail)
        return False
    if instance.line:
        conflicts.propose_merge(session, instance, from_archive=from_archive)
    if statistics is not None:
        instance.array_mean, instance.array_deviation = statistics.mean, statistics.deviation
        instance.array_dark = statistics.dark
    instance.prepared_at = now()
    instance.doubts = [doubt.value for doubt in doubts]
    instance.observations = [observation.value for observation in observations]
    with session.no_autoflush:
        _keep_rendition(session, instance_id, jpeg, transforms)
    return True


def _build_keeping(statement: sqlite.Insert | postgresql.Insert) -> Insert:
    renewed = {name: statement.excluded[name] for name in ("jpeg", "transforms")}
    return statement.on_conflict_do_update(index_elements=["instance_id"], set_=renewed)


_KEEP_RENDITION: Final = {
    True: _build_keeping(sqlite.insert(cast(Table, Rendition.__table__))),
    False: _build_keeping(postgresql.insert(cast(Table, Rendition.__table__))),
}
"""The statement of `_keep_rendition` on SQLite (True) and PostgreSQL (False), made once."""


def _keep_rendition(
    session: Session, instance_id: int, jpeg: bytes, transforms: dict[str, Any] | None = None
) -> None:
    """Write a rendition in the place of an earlier one, in one statement."""
    values = {"instance_id": instance_id, "jpeg": jpeg, "transforms": transforms}
    session.execute(_KEEP_RENDITION[is_sqlite(session)], values)


def pin_bundle(session: Session, instance_id: int, normalization_version: str) -> PinnedBundle | None:
    """Pin bundle and operating point at the film's first dispatch; later dispatches keep them.

    Args:
        session: in a transaction.
        instance_id: the film.
        normalization_version: version of the arrays that the gateway makes.

    Returns:
        The pinned bundle; None, and nothing is pinned, while no bundle that takes such arrays is active.
    """
    instance = _hold(session, instance_id)
    if instance.bundle_digest is None or instance.operating_point is None:
        active = _find_active(session)
        if active is None or active.normalization_version != normalization_version:
            return None
        with session.no_autoflush:
            point = site_thresholds.choose_for(session, active.point, active.groups, instance)
        instance.bundle_digest, instance.operating_point = active.digest, point
    return PinnedBundle(instance.bundle_digest, instance.operating_point)


class _ActiveBundle(NamedTuple):
    """The bundle for new films, with the operating point in use and its groups."""

    digest: str
    normalization_version: str
    point: str
    groups: Any


def _find_active(session: Session) -> _ActiveBundle | None:
    """Return the active bundle, if there is one; it is looked up once a transaction."""
    if ACTIVE not in session.info:
        with session.no_autoflush:
            model = session.scalar(_ACTIVE_MODEL)
            session.info[ACTIVE] = model and _ActiveBundle(
                model.digest, model.normalization_version, *site_thresholds.find_in_use(session, model)
            )
    found: _ActiveBundle | None = session.info[ACTIVE]
    return found


def mark_queued(session: Session, instance_id: int, redispatch_after: timedelta) -> bool:
    """Record that a received film is about to be sent to the broker.

    It is committed before the message is sent, because a worker must not receive a film that is not queued.
    If the message is not sent after all, the film becomes due again.

    Returns:
        False when the film is no longer waiting; no message must be sent then.
    """
    instance = _hold(session, instance_id)
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

    Reception locks in the same order, so that two transactions cannot deadlock. In SQLite, a transaction that
    writes has all rows to itself.
    """
    if is_sqlite(session):
        session.flush()
        return session.get(Instance, instance_id, populate_existing=True)
    study_id = session.scalar(select(Instance.study_id).where(Instance.id == instance_id))
    if study_id is None:
        return None
    session.execute(select(Study.id).where(Study.id == study_id).with_for_update())
    session.info.setdefault(HELD, set()).add(instance_id)
    return session.get(Instance, instance_id, with_for_update=True, populate_existing=True)


def _hold(session: Session, instance_id: int) -> Instance:
    """Return a film's row, locked; without a query where `lock_film` has locked it in this session."""
    is_held = is_sqlite(session) or instance_id in session.info.get(HELD, ())
    return session.get_one(Instance, instance_id, with_for_update=None if is_held else True)


def refuse(session: Session, instance_id: int, refusal: Refusal, detail: str, jpeg: bytes = b"") -> bool:
    """Record the refusal of a film.

    Args:
        session: one that writes.
        instance_id: the film.
        refusal: the reason, as a code.
        detail: the reason in words.
        jpeg: its rendition; empty for none.

    Returns:
        False when it already has a screening or a refusal, which is kept.
    """
    instance = lock_film(session, instance_id)
    if instance is None or instance.state in (FilmState.SCREENED, FilmState.REFUSED):
        return False
    FILM.move(session, instance, FilmState.REFUSED, refusal=refusal.value, refusal_detail=detail)
    if jpeg:
        _keep_rendition(session, instance_id, jpeg)
    standing = revisions.settle(session, instance)
    # The peers are not told that a film failed of which another revision has, or may have, a result, nor of
    # an earlier revision when a newer one has its result.
    is_overtaken = standing is not None and standing.revision > instance.revision
    if standing is None or standing is instance or not (is_overtaken or revisions.is_failure(instance)):
        refusal_outbox.want(session, instance)
        hl7_outbox.want(session, instance_id)
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
            revisions.settle(session, instance)
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
