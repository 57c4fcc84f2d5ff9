"""The objects that tbscreen made of the films that stand in a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import Instance, ReportObject, Screening, Study


@dataclass(frozen=True)
class StudyObject:
    """An object in its study, without its content."""

    study_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    kind: str


def list_standing(session: Session, study_instance_uids: Sequence[str]) -> dict[str, list[StudyObject]]:
    """Return the objects of current films by study, oldest first.

    Objects of revisions that were displaced are left out: an archive has them, superseded.
    """
    instance = func.coalesce(Screening.instance_id, ReportObject.instance_id)
    films = (
        select(Instance.id)
        .join(Study, Study.id == Instance.study_id)
        .where(Study.study_instance_uid.in_(study_instance_uids), Instance.current)
    )
    found: dict[str, list[StudyObject]] = {}
    for condition in (Screening.instance_id.in_(films), ReportObject.instance_id.in_(films)):
        rows = session.execute(
            select(
                Study.study_instance_uid,
                ReportObject.sop_instance_uid,
                ReportObject.sop_class_uid,
                ReportObject.kind,
            )
            .outerjoin(Screening, Screening.id == ReportObject.screening_id)
            .join(Instance, Instance.id == instance)
            .join(Study, Study.id == Instance.study_id)
            .where(condition)
            .order_by(ReportObject.created_at, ReportObject.sop_instance_uid)
        )
        for row in rows:
            found.setdefault(row.study_instance_uid, []).append(StudyObject(*row))
    return found


def read_part10(session: Session, sop_instance_uid: str) -> bytes:
    """Return the bytes of an object.

    Raises:
        sqlalchemy.exc.NoResultFound: when there is none.
    """
    return session.get_one(ReportObject, sop_instance_uid).part10
