"""The films of a study that a reader must have seen before the study is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from db.tables import Instance, Rendition
from db.worklist.studies import WAITING
from domain.codes import Refusal


@dataclass(frozen=True)
class FilmToSee:
    """One film of a study that a person is to look at."""

    instance_id: int
    name: str
    """Modality, body part and view, as its header has them."""
    has_rendition: bool
    """False for a film that is not prepared yet."""


def list_films_to_see(session: Session, study_id: int) -> Sequence[FilmToSee]:
    """Return the films of a study that have a picture or will have one, oldest first.

    These are the films that stand, and revisions that wait and may take the place of one that stands. Left
    out are films without a picture (they cannot be decoded, or the picture was deleted), and tbscreen's own
    objects.
    """
    rows = session.execute(
        select(Instance, exists().where(Rendition.instance_id == Instance.id))
        .where(Instance.study_id == study_id, Instance.current | Instance.state.in_(WAITING))
        .where(Instance.refusal.is_(None) | (Instance.refusal != Refusal.OWN_OUTPUT.value))
        .order_by(Instance.id)
    ).all()
    standing = {(film.sop_instance_uid, film.line): film.revision for film, _ in rows if film.current}
    return [
        FilmToSee(film.id, _name(film), has_rendition)
        for film, has_rendition in rows
        if film.revision >= standing.get((film.sop_instance_uid, film.line), film.revision + 1)
        and (has_rendition or film.state in WAITING)
    ]


def _name(film: Instance) -> str:
    parts = (film.modality, film.body_part, film.view_position)
    return " ".join(part for part in parts if part) or f"film {film.id}"
