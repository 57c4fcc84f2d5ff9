"""Attempts of workers to screen a film, and their results."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.films import films, revisions
from db.hl7 import hl7_outbox
from db.models import site_thresholds
from db.notices import notice_events
from db.states import FILM, FilmState
from db.tables import HeatMap, Instance, Model, OutboxEntry, Screening
from domain.codes import Doubt, Finding, Observation, Priority, Refusal
from domain.film_key import film_key as name_film

INSTANCES: Final = cast(Table, Instance.__table__)
SCREENINGS: Final = cast(Table, Screening.__table__)

# Statements of each film are made once: making one costs as much as running it.
_ADD: Final = insert(SCREENINGS).returning(SCREENINGS.c.id)
_ADD_HEAT: Final = insert(cast(Table, HeatMap.__table__))
_HEATS: Final = select(HeatMap).where(HeatMap.screening_id.in_(bindparam("screenings", expanding=True)))
_REPORT: Final = insert(cast(Table, OutboxEntry.__table__))
_COUNT: Final = (
    update(INSTANCES)
    .where(INSTANCES.c.id == bindparam("film"), INSTANCES.c.state == FilmState.QUEUED.value)
    .values(screening_attempts=INSTANCES.c.screening_attempts + 1)
    .returning(INSTANCES.c.screening_attempts)
)
_LOOK: Final = select(
    *(
        INSTANCES.c[name]
        for name in (
            "state",
            "sop_instance_uid",
            "screening_strikes",
            "screening_attempts",
            "bundle_digest",
            "operating_point",
            "doubts",
            "observations",
            "received_at",
        )
    ),
    select(Model.digest).where(Model.shadow).scalar_subquery().label("shadow"),
).where(INSTANCES.c.id == bindparam("film"))
"""The columns of a film that decide about an attempt."""

MAX_STRIKES: Final = 3
"""A film that ended so many predictions, with no other cause in sight, is refused as `processing_failed`."""

MAX_ATTEMPTS: Final = 10
"""A film that workers began this many times and never finished is refused, too: a film always ends."""


@dataclass(frozen=True)
class Attempt:
    """An attempt that a worker may now make."""

    instance_id: int
    number: int
    bundle_digest: str
    operating_point: str
    doubts: Sequence[Doubt]
    received_at: datetime
    observations: Sequence[Observation] = ()
    """Properties judged from the pixels; its array may have been turned."""
    local_points: Mapping[str, Any] | None = None
    """Changes of the bundle's manifest by the site threshold, where one was pinned."""
    shadow_digest: str | None = None
    """The bundle in the shadow, if there is one."""


@dataclass(frozen=True)
class Heat:
    """A heat map: the regions of a film from which its score comes.

    Attributes:
        rows: cells from top to bottom.
        columns: cells from left to right.
        margin: margin without cells at each edge, as a share of the film's height and width.
        cells: uint8 (rows, columns), row by row; 255 is hottest.
    """

    rows: int
    columns: int
    margin: float
    cells: bytes

    def __post_init__(self) -> None:
        """Raise `ValueError` when the parts contradict each other."""
        if self.rows < 1 or self.columns < 1 or len(self.cells) != self.rows * self.columns:
            raise ValueError(f"{len(self.cells)} cells are not {self.rows} by {self.columns}")
        if not 0.0 <= self.margin < 0.5:
            raise ValueError(f"a margin of {self.margin} leaves nothing of the film")


@dataclass(frozen=True)
class ScreeningResult:
    """One model's result on one film. Scores and thresholds are 0..1."""

    instance_id: int
    bundle_digest: str
    operating_point: str
    threshold: float
    score: float
    probability: float
    calibrated_threshold: float
    finding: Finding
    priority: Priority
    worker: str
    started_at: datetime
    finished_at: datetime
    heat: Heat | None = None
    """None for a network without heat maps."""
    film_key: str | None = None
    """Key of the film that was screened; see `begin_attempt`."""
    runtime: str | None = None
    """The runtime that computed the score, and the following its precision."""
    precision: str | None = None


def begin_attempt(
    session: Session, instance_id: int, film_key: str | None = None
) -> Attempt | Refusal | None:
    """Count an attempt before it is made.

    It is committed before the prediction, so that a film that always ends its worker, leaving no witness,
    ends too.

    Args:
        session: one that writes.
        instance_id: the film's row.
        film_key: key of the film that was sent (`domain.film_key`). In a database that was restored from a
            backup, another film may have the same row number.

    Returns:
        The attempt; the refusal of a film that had its last attempt; None when the film is unknown or done.
    """
    film = session.execute(_LOOK, {"film": instance_id}).first()
    if film is None or film.state != FilmState.QUEUED or _is_another(film.sop_instance_uid, film_key):
        return None
    detail = None
    if film.screening_strikes >= MAX_STRIKES:
        detail = f"its prediction failed {film.screening_strikes} times and nothing else did"
    elif film.screening_attempts >= MAX_ATTEMPTS:
        detail = f"begun {film.screening_attempts} times by a worker and never finished"
    if detail is not None:
        films.refuse(session, instance_id, Refusal.PROCESSING_FAILED, detail)
        return Refusal.PROCESSING_FAILED
    counted = session.execute(_COUNT, {"film": instance_id}).scalar_one_or_none()
    if counted is None:  # another worker, or its gateway, was here meanwhile
        return None
    return Attempt(
        instance_id=instance_id,
        number=counted,
        bundle_digest=film.bundle_digest,
        operating_point=film.operating_point,
        doubts=[Doubt(value) for value in film.doubts],
        observations=tuple(Observation(value) for value in film.observations or ()),
        received_at=film.received_at,
        local_points=site_thresholds.find_points(session, film.bundle_digest, film.operating_point),
        shadow_digest=film.shadow,
    )


def record_strike(session: Session, instance_id: int) -> None:
    """Record that the prediction of a waiting film failed and that nothing else was the cause."""
    instance = films.lock_film(session, instance_id)
    if instance is not None and instance.state in (FilmState.RECEIVED, FilmState.QUEUED):
        instance.screening_strikes += 1


def strike(session: Session, instance_id: int, film_key: str, reason: str) -> Refusal | None:
    """Record a strike of a film whose message a worker could not read.

    The film returns to its gateway, which makes the message anew; after the last strike it is refused.

    Args:
        session: one that writes.
        instance_id: the film's row.
        film_key: key of the film that the message names; nothing happens if the row's is another.
        reason: the fault of the message.

    Returns:
        The refusal, or None.
    """
    instance = films.lock_film(session, instance_id)
    if (
        instance is None
        or instance.state != FilmState.QUEUED
        or _is_another(instance.sop_instance_uid, film_key)
    ):
        return None
    instance.screening_strikes += 1
    if instance.screening_strikes < MAX_STRIKES:
        FILM.move(session, instance, FilmState.RECEIVED, due_at=now())
        return None
    detail = f"failed {MAX_STRIKES} times at a worker, at last by a malformed message: {reason}"
    films.refuse(session, instance_id, Refusal.PROCESSING_FAILED, detail)
    return Refusal.PROCESSING_FAILED


def record_result(session: Session, result: ScreeningResult) -> bool:
    """Write the screening and its outbox row, and move the film, in the caller's transaction.

    Returns:
        False, and nothing is written, when the film already has a result or a refusal.
    """
    instance = films.lock_film(session, result.instance_id)
    if (
        instance is None
        or instance.state != FilmState.QUEUED
        or instance.bundle_digest != result.bundle_digest
        or _is_another(instance.sop_instance_uid, result.film_key)
    ):
        return False
    values = {name: value for name, value in vars(result).items() if name not in ("heat", "film_key")}
    number: int = session.execute(_ADD, values).scalar_one()
    if result.heat is not None:
        session.execute(_ADD_HEAT, {"screening_id": number, **asdict(result.heat)})
    session.execute(_REPORT, {"screening_id": number, "due_at": now()})
    hl7_outbox.want(session, result.instance_id)
    if result.priority is Priority.HIGH:
        notice_events.record_high_finding(session, number, instance)
    FILM.move(session, instance, FilmState.SCREENED)
    revisions.settle(session, instance)
    return True


def _is_another(sop_instance_uid: str, key: str | None) -> bool:
    return key is not None and key != name_film(sop_instance_uid)


def find_heats(session: Session, screening_ids: Collection[int]) -> dict[int, Heat]:
    """Return the heat maps of screenings, by screening; those without one are left out."""
    rows = session.scalars(_HEATS, {"screenings": list(screening_ids)})
    return {row.screening_id: make_entry(Heat, row) for row in rows}


def find_heat(session: Session, screening_id: int) -> Heat | None:
    """Return the heat map of a screening, or None if it has none."""
    row = session.get(HeatMap, screening_id)
    return None if row is None else make_entry(Heat, row)


def hand_back(session: Session, instance_id: int, delay: timedelta) -> None:
    """Return a film to its gateway, which prepares and dispatches it again after `delay`.

    The attempt is not counted and the bundle is unpinned, because the film was not the cause.
    """
    instance = session.get_one(Instance, instance_id, with_for_update=True)
    if instance.state == FilmState.QUEUED:
        FILM.move(
            session,
            instance,
            FilmState.RECEIVED,
            due_at=now() + delay,
            screening_attempts=max(0, instance.screening_attempts - 1),
            bundle_digest=None,
            operating_point=None,
        )
