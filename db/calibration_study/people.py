"""People of a calibration study: enrolled as their films are screened, drawn for a test, tested.

A person counts once, with the first study that was screened, by the score of then. Corrections of patients
are followed: people who turn out to be one count once, and the later is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Row, case, delete, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from db.bacteriology.truths import find_truths
from db.calibration_study.studies import CalibrationStudyEntry
from db.clock import now
from db.counts.report_counts import BATCH, AnySelect
from db.patients.reconciliations import follow_patient, is_any_merged
from db.states import FilmState
from db.tables import CalibrationPerson, CalibrationStudy, Instance, Read, Screening, Study
from domain.bacteriology import Truth
from domain.calibration_sampling import find_band, is_drawn, name_person
from domain.codes import Finding
from domain.patient_identity import Patient


@dataclass(frozen=True)
class EnrolledPerson:
    """A person of a study, with the truth by bacteriology."""

    score: float
    band: int
    drawn: bool
    truth: Truth | None
    """None: no result is linked to the person's study."""
    station: str | None
    sex: str | None
    age_years: int | None


@dataclass(frozen=True)
class PersonToTest:
    """A person who was drawn and has no result that decides. Holds patient data: never log it."""

    patient_id: str | None
    patient_name: str | None
    accession_number: str | None
    study_date: str | None
    study_instance_uid: str
    days: int
    """Days since the film was received."""
    truth: Truth | None
    """Unsure: there are results, and they decide nothing."""
    patient_id_issuer: str | None


@dataclass(frozen=True)
class PeopleRead:
    """People of a study whose films were read."""

    read: int
    blinded: int
    """Those of whom a first read did not know the result."""


def enrol(session: Session, study: CalibrationStudyEntry) -> int:
    """Enrol people whose films were screened since the last call; returns their number.

    Left out are studies with a film that waits, with a notice, and with an undetermined finding alone.

    Args:
        session: one that writes.
        study: an open study; nobody is enrolled into a closed one.
    """
    locked = session.get_one(CalibrationStudy, study.id, with_for_update=True)
    if locked.closed_at is not None:
        return 0
    known = set(
        session.scalars(
            select(CalibrationPerson.person).where(CalibrationPerson.calibration_study_id == study.id)
        )
    )
    merged, fresh = is_any_merged(session), 0
    for row in _list_screened(session, study):
        patient = Patient(row.patient_id, row.patient_id_issuer)
        person = name_person(
            study.secret, follow_patient(session, patient) if merged else patient, row.study_instance_uid
        )
        if person in known:
            continue
        known.add(person)
        fresh += 1
        band = find_band(study.edges, row.score)
        session.add(
            CalibrationPerson(
                calibration_study_id=study.id,
                person=person,
                study_id=row.id,
                score=row.score,
                band=band,
                drawn=is_drawn(study.secret, person, study.shares[band]),
                station=row.station_name,
                sex=row.patient_sex,
                age_years=row.age_years,
                enrolled_at=now(),
            )
        )
    session.flush()
    return fresh


def move_places(session: Session, study_id: int, into_study_id: int) -> None:
    """Give the places of a DICOM study to the one into which it went; of two in one, the first stays."""
    both = CalibrationPerson.study_id.in_([study_id, into_study_id])
    first = aliased(CalibrationPerson)
    earlier = exists().where(
        first.calibration_study_id == CalibrationPerson.calibration_study_id,
        first.study_id.in_([study_id, into_study_id]),
        first.id < CalibrationPerson.id,
    )
    later = session.scalars(select(CalibrationPerson.id).where(both, earlier)).all()
    session.execute(delete(CalibrationPerson).where(CalibrationPerson.id.in_(later)))
    session.execute(update(CalibrationPerson).where(both).values(study_id=into_study_id))


def list_people(session: Session, study: CalibrationStudyEntry) -> list[EnrolledPerson]:
    """Return the people of a study in the order of their enrolment, each of them once."""
    return [
        EnrolledPerson(
            person.score,
            person.band,
            person.drawn,
            truth,
            person.station,
            person.sex,
            person.age_years,
        )
        for person, _, truth in _read_people(session, study)
    ]


def count_enrolled(session: Session, study: CalibrationStudyEntry) -> int:
    """Return the number of enrolled people, those included who were found to be another one since."""
    enrolled = select(func.count()).where(CalibrationPerson.calibration_study_id == study.id)
    return session.scalar(enrolled) or 0


def list_people_to_test(session: Session, study: CalibrationStudyEntry) -> list[PersonToTest]:
    """Return the people who were drawn and have no result that decides, longest waiting first."""
    today = now().date()
    waiting = [
        PersonToTest(
            owner.patient_id,
            owner.patient_name,
            owner.accession_number,
            owner.study_date,
            owner.study_instance_uid,
            _count_days(owner.received_at.date(), today),
            truth,
            owner.patient_id_issuer,
        )
        for person, owner, truth in _read_people(session, study)
        if person.drawn and truth in (None, Truth.UNSURE)
    ]
    return sorted(waiting, key=lambda person: -person.days)


def count_reads(session: Session, study: CalibrationStudyEntry) -> PeopleRead:
    """Count the enrolled people whose study was read."""
    row = session.execute(
        select(
            func.count(Read.study_id.distinct()),
            func.count(case((Read.blinded, Read.study_id)).distinct()),
        )
        .join(CalibrationPerson, CalibrationPerson.study_id == Read.study_id)
        .where(CalibrationPerson.calibration_study_id == study.id, Read.withdrawn_at.is_(None))
    ).one()
    return PeopleRead(*row)


def list_scores(session: Session, digest: str, start: datetime, end: datetime) -> list[float]:
    """Return the highest score of each study that a bundle screened in a time, for the plan of a study."""
    query = _select_scores(digest).where(Instance.received_at >= start, Instance.received_at < end)
    return [row.score for row in session.execute(query)]


def _list_screened(session: Session, study: CalibrationStudyEntry) -> Iterator[Row[tuple[object, ...]]]:
    """Yield the studies since the beginning of which nobody is enrolled, each with its highest score."""
    enrolled = exists().where(
        CalibrationPerson.study_id == Study.id, CalibrationPerson.calibration_study_id == study.id
    )
    best = (
        _select_scores(study.bundle_digest)
        .where(Instance.received_at >= study.started_at, Study.state == FilmState.SCREENED.value, ~enrolled)
        .subquery()
    )
    query: AnySelect = (
        select(
            Study.id,
            Study.study_instance_uid,
            Study.patient_id,
            Study.patient_id_issuer,
            Study.patient_sex,
            best.c.score,
            best.c.age_years,
            best.c.station_name,
        )
        .join(best, best.c.study_id == Study.id)
        .order_by(Study.received_at, Study.id)
    )
    yield from session.execute(query.execution_options(yield_per=BATCH))


def _select_scores(digest: str) -> AnySelect:
    return (
        select(
            Instance.study_id,
            func.max(Screening.score).label("score"),
            func.max(Instance.age_years).label("age_years"),
            func.max(Instance.station_name).label("station_name"),
        )
        .join(Screening, Screening.instance_id == Instance.id)
        .join(Study, Study.id == Instance.study_id)
        .where(
            Instance.current,
            Screening.bundle_digest == digest,
            Screening.finding != Finding.UNDETERMINED.value,
            Study.notices.is_(None),
        )
        .group_by(Instance.study_id)
    )


def _read_people(
    session: Session, study: CalibrationStudyEntry
) -> Iterator[tuple[CalibrationPerson, Study, Truth | None]]:
    rows = session.execute(
        select(CalibrationPerson, Study)
        .join(Study, Study.id == CalibrationPerson.study_id)
        .where(CalibrationPerson.calibration_study_id == study.id)
        .order_by(CalibrationPerson.id)
    ).all()
    if not rows:
        return
    first = min(owner.received_at for _, owner in rows)
    last = max(owner.received_at for _, owner in rows)
    truths = find_truths(session, first, last + timedelta(days=1))
    merged, seen = is_any_merged(session), Counter[str]()
    for person, owner in rows:
        patient = Patient(owner.patient_id, owner.patient_id_issuer)
        name = name_person(
            study.secret, follow_patient(session, patient) if merged else patient, owner.study_instance_uid
        )
        seen[name] += 1
        if seen[name] == 1:
            yield person, owner, truths.get(owner.id)


def _count_days(first: date, last: date) -> int:
    return max((last - first).days, 0)
