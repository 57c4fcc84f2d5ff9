"""The study of each result: by accession number, else by patient ID within a window of days.

Nothing is guessed: where several studies fit, or the data contradict each other, a person decides
(`db.bacteriology.results.link`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import islice
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.entries import make_entry
from db.patients.reconciliations import follow_patient, is_any_merged
from db.tables import BacteriologyResult, Study
from db.worklist.search_keys import fold
from domain.patient_identity import Patient, find_differences, fold_patient_id

WINDOW_DAYS: Final = 14
"""Most days between specimen and film, before or after."""

AT_ONCE: Final = 500


class LinkState(StrEnum):
    """The kinds of links."""

    LINKED = "linked"
    NO_STUDY = "no_study"
    """No study has this accession number or patient ID."""
    OUTSIDE = "outside_window"
    """All studies that fit are further away than the window."""
    SEVERAL = "several_studies"
    """More than one study fits: a person decides."""
    OTHER_PATIENT = "other_patient"
    """The study of this accession number names another patient: a person decides."""
    NOTICE = "notice"
    """The study's films name different patients: a person decides."""


FOR_A_PERSON: Final = frozenset({LinkState.SEVERAL, LinkState.OTHER_PATIENT, LinkState.NOTICE})
"""Links that a person decides; the others change when a film arrives."""


@dataclass(frozen=True)
class Candidate:
    """A study that a result may belong to. Holds patient data: never log it."""

    id: int
    study_instance_uid: str
    accession_number: str | None
    patient_id: str | None
    patient_id_issuer: str | None
    study_date: str | None
    received_day: str | None
    notices: str | None


@dataclass(frozen=True)
class Link:
    """A result and its study, or the reason why it has none."""

    result: BacteriologyResult
    state: LinkState
    study: Candidate | None = None
    candidates: tuple[str, ...] = ()
    """UIDs of the studies between which a person decides."""


def find_links(session: Session, results: Iterable[BacteriologyResult], window_days: int) -> Iterator[Link]:
    """Yield the link of each result, in their order.

    Args:
        session: one that reads.
        results: standing results.
        window_days: most days between specimen and film. A study without a date counts by its reception.
    """
    is_merged = is_any_merged(session)
    rows = iter(results)
    while block := list(islice(rows, AT_ONCE)):
        patients = [Patient(result.patient_id, result.patient_id_issuer) for result in block]
        if is_merged:
            patients = [follow_patient(session, patient) for patient in patients]
        index = _Index(_find_candidates(session, block, patients))
        for result, patient in zip(block, patients, strict=True):
            yield _link(result, patient, index, window_days)


class _Index:
    """Studies by what results name."""

    def __init__(self, studies: Collection[Candidate]) -> None:
        self.by_uid = {study.study_instance_uid: study for study in studies}
        self.by_accession: dict[str, list[Candidate]] = {}
        self.by_patient: dict[str, list[Candidate]] = {}
        for study in studies:
            if study.accession_number:
                self.by_accession.setdefault(study.accession_number.strip(), []).append(study)
            if key := fold_patient_id(study.patient_id):
                self.by_patient.setdefault(key, []).append(study)


def _find_candidates(
    session: Session, results: Sequence[BacteriologyResult], patients: Sequence[Patient]
) -> list[Candidate]:
    accessions = {fold(result.accession_number) for result in results}
    uids = {result.study_instance_uid for result in results}
    ids = {fold(text) for patient in patients for text in _spell(patient)}
    conditions = (
        (Study.accession_key, accessions - {None}),
        (Study.patient_id_key, ids - {None}),
        (Study.study_instance_uid, uids - {None}),
    )
    found = {}
    for column, values in conditions:
        for row in session.scalars(select(Study).where(column.in_(values))) if values else ():
            found[row.id] = make_entry(Candidate, row)
    return [found[number] for number in sorted(found)]


def _link(result: BacteriologyResult, patient: Patient, index: _Index, window_days: int) -> Link:
    if result.study_instance_uid is not None:
        decided = index.by_uid.get(result.study_instance_uid)
        return Link(result, LinkState.LINKED if decided else LinkState.NO_STUDY, decided)
    studies, by_accession = index.by_accession.get((result.accession_number or "").strip(), []), True
    if not studies:
        same = index.by_patient.get(fold_patient_id(patient.patient_id), [])
        studies, by_accession = [study for study in same if not _differ(patient, study)], False
    if not studies:
        return Link(result, LinkState.NO_STUDY)
    near = [study for study in studies if _measure_days(result, study) <= window_days]
    if not near:
        return Link(result, LinkState.OUTSIDE)
    candidates = tuple(study.study_instance_uid for study in near)
    if len(near) > 1:
        return Link(result, LinkState.SEVERAL, None, candidates)
    if by_accession and _differ(patient, near[0]):
        return Link(result, LinkState.OTHER_PATIENT, None, candidates)
    if near[0].notices:
        return Link(result, LinkState.NOTICE, None, candidates)
    return Link(result, LinkState.LINKED, near[0])


def _spell(patient: Patient) -> tuple[str | None, str]:
    return patient.patient_id, fold_patient_id(patient.patient_id)


def _differ(patient: Patient, study: Candidate) -> bool:
    return bool(find_differences(patient, Patient(study.patient_id, study.patient_id_issuer)))


def _measure_days(result: BacteriologyResult, study: Candidate) -> float:
    """Return the days between specimen and film; infinity where the film has no day."""
    for text in (study.study_date, study.received_day):
        try:
            return abs((date.fromisoformat(result.specimen_date) - date.fromisoformat(text or "")).days)
        except ValueError:
            continue
    return float("inf")
