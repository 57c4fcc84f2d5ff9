"""Lines: films under one SOP Instance UID, apart by patient and study.

A revision belongs to the line whose standing or newest film names the same patient and study. A film of
another patient or study begins a line of its own; each line has one film that stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.patients import conflicts
from db.patients.reconciliations import find_patient
from db.tables import Instance, Study
from domain.patient_identity import Patient, find_differences, is_same_patient


@dataclass(frozen=True)
class Line:
    """The line of a film that arrives."""

    number: int
    revisions: Sequence[Instance]
    """The films that it corrects, newest first."""
    standing: Instance | None = None
    """The film that it conflicts with; None for a new film and for a correction."""
    differences: Sequence[str] = ()
    """The fields that differ from the standing film."""


def find_line(session: Session, earlier: Sequence[Instance], study: Study, patient: Patient) -> Line:
    """Return the line of a film.

    Args:
        session: one that writes.
        earlier: all films under its SOP Instance UID, newest first.
        study: its study.
        patient: its patient.
    """
    heads = sorted((film for film in earlier if film.current), key=lambda film: film.line)
    if not heads:
        return Line(earlier[0].line if earlier else 0, earlier)
    for head in heads:
        revisions = [film for film in earlier if film.line == head.line]
        if any(_is_corrected_by(session, film, study, patient) for film in (head, revisions[0])):
            return Line(head.line, revisions)
    standing = heads[0]
    differences = find_differences(find_patient(session, standing), patient)
    if standing.study_id != study.id:
        differences = ("study_instance_uid", *differences)
    return Line(conflicts.find_next_line(session, standing.sop_instance_uid), [], standing, differences)


def _is_corrected_by(session: Session, film: Instance, study: Study, patient: Patient) -> bool:
    return film.study_id == study.id and is_same_patient(find_patient(session, film), patient)
