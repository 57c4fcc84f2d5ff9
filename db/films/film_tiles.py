"""Tiles of films: a page asks the gateway that holds the film's file for one, and the gateway answers.

Page and gateway share the database alone, on every installation. A request that nobody answers counts no
more after `GIVE_UP`; every tile is deleted after `KEPT`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from db.clock import now
from db.tables import FilmTile, Instance, Rendition, Study
from domain.errors import PermanentError, TransientError
from domain.viewing.film_tile import TileFailure, TileView

GIVE_UP: Final = timedelta(seconds=20)
"""Time that a page waits for a tile."""

KEPT: Final = timedelta(seconds=60)

MOST_WAITING: Final = 8
"""Most requests that wait for one gateway."""


# Asked after most commits, so that it is made once: making it costs as much as running it.
_WAITING: Final = (
    select(FilmTile.id, FilmTile.asked_at, FilmTile.view, Instance.spool_path)
    .join(Instance, Instance.id == FilmTile.instance_id)
    .where(
        FilmTile.gateway == bindparam("gateway"),
        FilmTile.answered_at.is_(None),
        FilmTile.asked_at > bindparam("oldest"),
    )
    .order_by(FilmTile.id)
    .limit(MOST_WAITING)
)


class NoPictureError(PermanentError):
    """The study has no such film, or the film no picture."""


class FileGoneError(PermanentError):
    """The film's file has left the spool."""


class TilesBusyError(TransientError):
    """Too many tiles are awaited from the gateway. Transient."""


@dataclass(frozen=True)
class WaitingTile:
    """A request that a gateway is to answer."""

    tile_id: int
    asked_at: datetime
    spool_path: str | None
    """The film's file; None once it is deleted."""
    view: Mapping[str, Any]
    """As stored: check it (`TileView`)."""


@dataclass(frozen=True)
class TileAnswer:
    """A gateway's answer: a JPEG, or the reason why there is none."""

    jpeg: bytes | None
    failure: TileFailure | None


def ask(session: Session, study_instance_uid: str, instance_id: int, view: TileView) -> int:
    """Ask for a tile of a film that has a rendition; return the request's number.

    Args:
        session: one that writes.
        study_instance_uid: the film's study.
        instance_id: the film.
        view: the part of the film.

    Raises:
        NoPictureError: when the study has no such film, or the film no rendition.
        FileGoneError: when the film's file is in no spool.
        TilesBusyError: while `MOST_WAITING` requests wait for the gateway.
    """
    film = session.execute(
        select(Instance.gateway, Instance.spool_path)
        .join(Study, Study.id == Instance.study_id)
        .join(Rendition, Rendition.instance_id == Instance.id)
        .where(Study.study_instance_uid == study_instance_uid, Instance.id == instance_id)
    ).one_or_none()
    if film is None:
        raise NoPictureError("There is no such film")
    if film.spool_path is None:
        raise FileGoneError("The film's file has left the gateway's spool")
    sweep(session)
    waiting = select(func.count()).where(
        FilmTile.gateway == film.gateway, FilmTile.answered_at.is_(None), FilmTile.asked_at > now() - GIVE_UP
    )
    if (session.scalar(waiting) or 0) >= MOST_WAITING:
        raise TilesBusyError("The gateway has too many tiles to draw")
    tile = FilmTile(
        instance_id=instance_id, gateway=film.gateway, view=view.model_dump(mode="json"), asked_at=now()
    )
    session.add(tile)
    session.flush()
    return tile.id


def find_answer(session: Session, tile_id: int) -> TileAnswer | None:
    """Return the answer to a request; None while it is awaited."""
    row = session.execute(
        select(FilmTile.jpeg, FilmTile.failure).where(
            FilmTile.id == tile_id, FilmTile.answered_at.is_not(None)
        )
    ).one_or_none()
    return None if row is None else TileAnswer(row.jpeg, TileFailure(row.failure) if row.failure else None)


def list_waiting(session: Session, gateway: str) -> list[WaitingTile]:
    """Return the requests that a gateway is to answer and a page still waits for, oldest first."""
    rows = session.execute(_WAITING, {"gateway": gateway, "oldest": now() - GIVE_UP})
    return [WaitingTile(row.id, row.asked_at, row.spool_path, row.view) for row in rows]


def answer(session: Session, asked: WaitingTile, answered: TileAnswer) -> None:
    """Answer a request; one that was deleted meanwhile, for its age or with its film, stays deleted."""
    tile = session.get(FilmTile, asked.tile_id, with_for_update=True)
    if tile is not None and tile.asked_at == asked.asked_at:  # else SQLite has given its number again
        tile.answered_at, tile.jpeg = now(), answered.jpeg
        tile.failure = None if answered.failure is None else answered.failure.value


def sweep(session: Session) -> int:
    """Delete tiles that were asked for longer than `KEPT` ago; return their number."""
    gone = session.execute(delete(FilmTile).where(FilmTile.asked_at < now() - KEPT))
    return gone.rowcount  # type: ignore[attr-defined,no-any-return]
