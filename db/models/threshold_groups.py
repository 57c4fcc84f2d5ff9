"""Site thresholds by age and sex: a table whose cells are operating points of their own.

The site threshold in use names its cells under `GROUPS` of its record; each cell is a record of its own,
which names its people under `GROUP`. A film is pinned to the cell of its person, so that its report can name
the threshold and the reason; a version that knows no tables finds a cell as any other site threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import Instance, Study
from domain.codes import OTHER_PATIENT_NOTICES
from domain.person_group import PersonGroup

GROUPS: Final = "groups"
GROUP: Final = "group"


def choose_point(session: Session, common: str, groups: Sequence[Mapping[str, Any]], film: Instance) -> str:
    """Return the operating point of a film's person.

    It is the common one where age or sex is not known, and where films of different patients stand together.

    Args:
        session: for reading.
        common: name of the operating point for everybody.
        groups: the cells, as `GROUPS` of its record has them.
        film: the film.
    """
    if OTHER_PATIENT_NOTICES & set((film.notices or "").split("\\")):
        return common
    sex = session.scalar(select(Study.patient_sex).where(Study.id == film.study_id))
    for cell in groups:
        if PersonGroup(cell["sex"], cell["first"], cell["last"]).holds(film.age_years, sex):
            return str(cell["name"])
    return common


def describe_threshold(record: Mapping[str, Any]) -> str | None:
    """Return in words for whom a threshold was chosen, and why; None for a threshold of all films."""
    if record.get(GROUPS):
        return "threshold for everybody: age or sex is not known, or in no group"
    cell = record.get(GROUP)
    return None if cell is None else str(cell["reason"])
