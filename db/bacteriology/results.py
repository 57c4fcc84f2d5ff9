"""Results of bacteriological tests: recorded, corrected with history, found by patient, deleted by age."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import Select, and_, delete, func, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.patients import patient_studies
from db.patients.reconciliations import ReconciliationKind
from db.tables import BacteriologyResult, Reconciliation, Study
from domain.bacteriology import Method, Outcome
from domain.errors import PermanentError
from domain.patient_identity import fold_issuer, fold_patient_id

Value = TypeVar("Value", int, str)

AT_ONCE: Final = 500
"""Subjects that are asked for at once."""

Merged = dict[str, set[str]]
"""Issuers by patient ID, both folded, of a patient and of those merged into it; an empty issuer is any."""


class UnknownResultError(PermanentError):
    """There is no such result, or no such study. Permanent."""


@dataclass(frozen=True)
class NewResult:
    """A result as a laboratory reports it. Holds patient data: never log it."""

    method: Method
    outcome: Outcome
    specimen_date: str
    """Day of collection, YYYYMMDD."""
    patient_id: str | None = None
    patient_id_issuer: str | None = None
    accession_number: str | None = None
    """Accession Number of the imaging request; this or the patient ID is given."""
    specimen_id: str | None = None
    """The laboratory's number."""

    def name_subject(self) -> str:
        """Return the digest of the test: patient, method and specimen.

        The specimen is the laboratory's number, or else the day. A second result of one subject is a
        correction.
        """
        patient = fold_patient_id(self.patient_id)
        issuer = fold_patient_id((self.patient_id_issuer or "").partition("&")[0])
        person = ("patient", patient, issuer) if patient else ("accession", self.accession_number or "", "")
        specimen = ("id", self.specimen_id) if self.specimen_id else ("date", self.specimen_date)
        text = "\0".join((*person, self.method.value, *specimen))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class ResultEntry:
    """A recorded result. Holds patient data: show it, never log it."""

    id: int
    patient_id: str | None
    patient_id_issuer: str | None
    accession_number: str | None
    specimen_id: str | None
    specimen_date: str
    method: str
    outcome: str
    entered_by: str
    entered_at: datetime
    superseded_at: datetime | None
    study_instance_uid: str | None
    """The study that a person linked it to."""
    linked_by: str | None
    linked_at: datetime | None


@dataclass
class Recorded:
    """The results of one import, by their places in the order of import."""

    new: list[int] = field(default_factory=list)
    corrected: list[int] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    outdated: list[int] = field(default_factory=list)
    """They repeat a result that was corrected since, so the correction stays."""


def record(session: Session, results: Sequence[NewResult], author: str, restate: bool = False) -> Recorded:
    """Record results. Results that are there already change nothing, so an import may be repeated.

    Args:
        session: one that writes.
        results: at most one for each subject, or equal ones.
        author: the person who enters them.
        restate: True when a result that repeats a corrected one is a correction back.
    """
    recorded, moment = Recorded(), now()
    for first in range(0, len(results), AT_ONCE):
        block = results[first : first + AT_ONCE]
        subjects = [result.name_subject() for result in block]
        history = _find_history(session, subjects)
        for place, (result, subject) in enumerate(zip(block, subjects, strict=True), first):
            rows = history.setdefault(subject, [])
            standing = next((row for row in rows if row.superseded_at is None), None)
            if standing is not None and _says(standing, result):
                recorded.unchanged.append(place)
                continue
            if not restate and any(_says(row, result) for row in rows):
                recorded.outdated.append(place)
                continue
            row = _make_row(result, subject, author, moment)
            if standing is not None:
                standing.superseded_at = moment
                session.flush()
                row.study_instance_uid = standing.study_instance_uid
                row.linked_by, row.linked_at = standing.linked_by, standing.linked_at
            (recorded.new if standing is None else recorded.corrected).append(place)
            session.add(row)
            rows.append(row)
    session.flush()
    return recorded


def select_results(
    *,
    history: bool = False,
    first_day: str | None = None,
    last_day: str | None = None,
    patient_id: str | None = None,
) -> Select[BacteriologyResult]:
    """Return the query of results in the order of their specimens.

    Args:
        history: True for corrected results, too.
        first_day: first day of specimens, YYYYMMDD; None: all.
        last_day: last day, included.
        patient_id: only this patient's.
    """
    query = select(BacteriologyResult).order_by(BacteriologyResult.specimen_date, BacteriologyResult.id)
    if not history:
        query = query.where(BacteriologyResult.superseded_at.is_(None))
    if first_day is not None:
        query = query.where(BacteriologyResult.specimen_date >= first_day)
    if last_day is not None:
        query = query.where(BacteriologyResult.specimen_date <= last_day)
    if patient_id is not None:
        query = query.where(BacteriologyResult.patient_key == fold_patient_id(patient_id))
    return query


def find_standing(session: Session, subjects: Sequence[str]) -> list[BacteriologyResult]:
    """Return the standing results of subjects, in the order in which they were recorded."""
    return [
        row
        for block in _split(sorted(set(subjects)))
        for row in session.scalars(
            select(BacteriologyResult)
            .where(BacteriologyResult.subject.in_(block), BacteriologyResult.superseded_at.is_(None))
            .order_by(BacteriologyResult.id)
        )
    ]


def describe(row: BacteriologyResult) -> ResultEntry:
    """Return a result as an entry."""
    return make_entry(ResultEntry, row)


def link(session: Session, number: int, study_instance_uid: str | None, author: str) -> ResultEntry:
    """Link a result to a study as a person decided; None: by accession number and patient ID again.

    Raises:
        UnknownResultError: when there is no standing result of this number, or no such study.
    """
    row = session.get(BacteriologyResult, number, with_for_update=True)
    if row is None or row.superseded_at is not None:
        raise UnknownResultError(f"there is no standing result {number}: 'tbscreen results list' shows them")
    if study_instance_uid is not None:
        known = select(Study.id).where(Study.study_instance_uid == study_instance_uid)
        if session.scalar(known) is None:
            raise UnknownResultError(f"there is no study {study_instance_uid}")
    row.study_instance_uid, row.linked_by, row.linked_at = study_instance_uid, author, now()
    return describe(row)


def move_links(session: Session, study_instance_uid: str, into_study_instance_uid: str) -> None:
    """Let the links that a person decided lead to the study into which theirs went."""
    session.execute(
        update(BacteriologyResult)
        .where(BacteriologyResult.study_instance_uid == study_instance_uid)
        .values(study_instance_uid=into_study_instance_uid)
    )


def find_merged(session: Session, patient_id: str, issuer: str | None = None) -> Merged:
    """Return a patient ID and those that were merged into it.

    Raises:
        PermanentError: when the patient ID is empty.
    """
    first = fold_patient_id(patient_id), fold_issuer(issuer)
    if not first[0]:
        raise PermanentError("the patient ID is empty")
    merges = session.scalars(
        select(Reconciliation).where(
            Reconciliation.kind == ReconciliationKind.MERGE, Reconciliation.ended_at.is_(None)
        )
    ).all()
    found, waiting = {first[0]: {first[1]}}, [first]
    while waiting:
        survivor, of = waiting.pop()
        for merge in merges:
            prior, own = fold_patient_id(merge.prior_patient_id), fold_issuer(merge.prior_patient_id_issuer)
            is_merged = fold_patient_id(merge.patient_id) == survivor and fits(merge.patient_id_issuer, of)
            if is_merged and prior and own not in found.setdefault(prior, set()):
                found[prior].add(own)
                waiting.append((prior, own))
    return found


def is_of(merged: Merged, patient_id: str | None, issuer: str | None) -> bool:
    """True when a patient ID with its issuer is one of a patient's."""
    return any(fits(issuer, wanted) for wanted in merged.get(fold_patient_id(patient_id), ()))


def fits(issuer: str | None, wanted: str | None) -> bool:
    """True when an issuer is the wanted one, or one of them is not given."""
    own, asked = fold_issuer(issuer), fold_issuer(wanted)
    return not asked or not own or own == asked


def list_studies(session: Session, merged: Merged) -> list[Study]:
    """Return the studies that are shown as a patient's.

    Args:
        session: for reading.
        merged: the patient (`find_merged`); studies of other issuers are left out.
    """
    return [
        study
        for study in patient_studies.list_studies(session, merged)
        if is_of(merged, study.patient_id, study.patient_id_issuer)
    ]


def list_of_patient(session: Session, merged: Merged, studies: Collection[Study]) -> set[int]:
    """Return the numbers of all results of a patient, with their history.

    They are found by patient ID, and by the accession numbers and decided links of the patient's studies.

    Args:
        session: for reading.
        merged: the patient (`find_merged`); results of other issuers are left out.
        studies: the patient's (`list_studies`).
    """
    results = BacteriologyResult
    nameless = results.patient_key.is_(None)
    named = [results.patient_key.in_(block) for block in _split(sorted(merged))]
    linked = [
        *(
            and_(nameless, results.accession_number.in_(block))
            for block in _split(sorted({study.accession_number or "" for study in studies} - {""}))
        ),
        *(
            results.study_instance_uid.in_(block)
            for block in _split(sorted(study.study_instance_uid for study in studies))
        ),
    ]
    return {
        row.id
        for condition in named
        for row in session.scalars(select(results).where(condition))
        if is_of(merged, row.patient_id, row.patient_id_issuer)
    } | {number for condition in linked for number in session.scalars(select(results.id).where(condition))}


def delete_before(session: Session, day: str) -> int:
    """Delete the results of specimens before a day (YYYYMMDD), with their history; returns their number."""
    old = BacteriologyResult.specimen_date < day
    count = session.scalar(select(func.count()).select_from(BacteriologyResult).where(old)) or 0
    session.execute(delete(BacteriologyResult).where(old))
    return count


def _find_history(session: Session, subjects: Sequence[str]) -> dict[str, list[BacteriologyResult]]:
    found: dict[str, list[BacteriologyResult]] = {}
    rows = select(BacteriologyResult).where(BacteriologyResult.subject.in_(set(subjects)))
    for row in session.scalars(rows.order_by(BacteriologyResult.id)):
        found.setdefault(row.subject, []).append(row)
    return found


def _says(row: BacteriologyResult, result: NewResult) -> bool:
    """True when a row has the outcome and day of a result, and names no other imaging request."""
    same_request = result.accession_number in (None, row.accession_number)
    return (row.outcome, row.specimen_date) == (result.outcome, result.specimen_date) and same_request


def _make_row(result: NewResult, subject: str, author: str, moment: datetime) -> BacteriologyResult:
    return BacteriologyResult(
        subject=subject,
        patient_id=result.patient_id,
        patient_id_issuer=result.patient_id_issuer,
        patient_key=fold_patient_id(result.patient_id) or None,
        accession_number=result.accession_number,
        specimen_id=result.specimen_id,
        specimen_date=result.specimen_date,
        method=result.method.value,
        outcome=result.outcome.value,
        entered_by=author,
        entered_at=moment,
    )


def _split(values: Sequence[Value]) -> list[Sequence[Value]]:
    return [values[first : first + AT_ONCE] for first in range(0, len(values), AT_ONCE)]
