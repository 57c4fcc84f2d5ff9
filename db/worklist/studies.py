"""Studies: the header, and the state and place that follow from the films."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Protocol, cast

from sqlalchemy import Table, bindparam, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.states import FilmState
from db.tables import Instance, Read, Reconciliation, Screening, Study, StudyKey
from db.worklist.search_keys import fold, fold_name, list_further_keys
from db.worklist.standing_reads import find_standing
from domain.codes import Finding, Priority, Refusal
from domain.patient_identity import Patient, find_differences

WAITING: Final = (FilmState.RECEIVED.value, FilmState.QUEUED.value)

STUDIES: Final = cast(Table, Study.__table__)

# Statements of each film are made once: making one costs as much as running it.
_FILMS: Final = (
    select(
        Instance.id,
        Instance.state,
        Instance.refusal,
        Instance.received_at,
        Instance.modality,
        Instance.station_name,
        Instance.calling_ae_title,
        Instance.notices,
        Instance.current,
        Instance.sop_instance_uid,
        Instance.line,
        Instance.revision,
        Screening.finding,
        Screening.priority,
        Screening.probability,
    )
    .outerjoin(Screening, Screening.instance_id == Instance.id)
    .where(Instance.study_id == bindparam("study"), Instance.current | Instance.state.in_(WAITING))
    .order_by(Instance.id)
)
_READS: Final = select(Read).where(Read.study_id == bindparam("study"))
_ADD: Final = insert(STUDIES).returning(STUDIES.c.id)
_ADD_KEYS: Final = insert(cast(Table, StudyKey.__table__))

FACET_LENGTH: Final = 256
"""Longest text of a study's modalities, stations or senders, characters."""


@dataclass(frozen=True)
class StudyHeader:
    """Study and patient as a film's header gives them. Holds patient data: never log it."""

    study_instance_uid: str
    accession_number: str | None = None
    patient_id: str | None = None
    patient_name: str | None = None
    patient_birth_date: str | None = None
    patient_sex: str | None = None
    study_date: str | None = None
    study_time: str | None = None
    description: str | None = None
    patient_id_issuer: str | None = None

    @property
    def patient(self) -> Patient:
        """The patient."""
        return Patient(**{name: getattr(self, name) for name in PATIENT})


class ReceivedFilm(Protocol):
    """The values of a film by which its study is found."""

    @property
    def modality(self) -> str | None:
        """Modality (0008,0060)."""

    @property
    def station_name(self) -> str | None:
        """Station Name (0008,1010)."""

    @property
    def calling_ae_title(self) -> str:
        """AE title of the sender."""


PATIENT: Final = tuple(field.name for field in fields(Patient))
"""The columns that name the patient."""


def open_study(session: Session, header: StudyHeader) -> Study:
    """Return the study's row, made if it is new and locked until the transaction ends.

    A later film's header fills empty fields and changes no others; one of another patient fills none.
    """
    study = _find(session, header.study_instance_uid)
    if study is None:
        moment = now()
        study = Study(
            **asdict(header),
            received_at=moment,
            received_day=f"{moment:%Y%m%d}",
            state=FilmState.RECEIVED.value,
        )
        try:
            with session.begin_nested():
                session.add(study)
                session.flush()
                write_keys(session, study)
            return study
        except IntegrityError:
            study = _find(session, header.study_instance_uid)
            if study is None:
                raise
    if not find_differences(read_study_patient(study), header.patient):
        for name, value in asdict(header).items():
            if value and not getattr(study, name):
                setattr(study, name, value)
        write_keys(session, study)
    return study


def read_study_patient(study: Study) -> Patient:
    """Return the patient that a study shows."""
    return make_entry(Patient, study)


def add_study(session: Session, header: StudyHeader, film: ReceivedFilm) -> int:
    """Write a new study with its only film, as `open_study` and `refresh_locked` would; return its row.

    Args:
        session: one that writes.
        header: study and patient; no study has its UID.
        film: the film, which waits.
    """
    moment = now()
    values = {
        **asdict(header),
        **_fold_keys(header),
        "received_at": moment,
        "received_day": f"{moment:%Y%m%d}",
        "state": FilmState.RECEIVED.value,
        "modalities": join_values([film.modality]),
        "stations": join_values([film.station_name]),
        "senders": join_values([film.calling_ae_title]),
    }
    number: int = session.execute(_ADD, values).scalar_one()
    keys = list_further_keys(header.patient_name, header.patient_id, header.accession_number)
    if keys:
        session.execute(_ADD_KEYS, [{"study_id": number, "key": key} for key in sorted(set(keys))])
    return number


def _fold_keys(header: StudyHeader | Study) -> dict[str, str | None]:
    """Return the search keys that are columns of a study."""
    return {
        "accession_key": fold(header.accession_number),
        "patient_id_key": fold(header.patient_id),
        "name_key": fold_name(header.patient_name),
    }


def write_keys(session: Session, study: Study) -> None:
    """Derive the search keys of a locked study from its patient and accession number."""
    for name, key in _fold_keys(study).items():
        setattr(study, name, key)
    wanted = set(list_further_keys(study.patient_name, study.patient_id, study.accession_number))
    written = set(session.scalars(select(StudyKey.key).where(StudyKey.study_id == study.id)))
    if gone := written - wanted:
        session.execute(delete(StudyKey).where(StudyKey.study_id == study.id, StudyKey.key.in_(gone)))
    if new := sorted(wanted - written):
        session.execute(_ADD_KEYS, [{"study_id": study.id, "key": key} for key in new])


def refresh(session: Session, study_id: int) -> None:
    """Lock a study and derive its state and place from its films."""
    session.flush()
    refresh_locked(session, session.get_one(Study, study_id, with_for_update=True))


def refresh_locked(session: Session, study: Study) -> None:
    """Derive the state and place of a locked study from the worst of its current films.

    A study is `received` while a film or a newer revision waits, `screened` with a screened film, and
    `refused` when all films were refused. It is read when no film was received after its current read, or
    was split off into it after reads that did not show it.
    Readers differ when the newest reads of two, each after the newest film, are not the same.
    """
    session.flush()
    found = session.execute(_FILMS, {"study": study.id}).all()
    standing = {(row.sop_instance_uid, row.line): row.revision for row in found if row.current}
    rows = [row for row in found if row.current]
    reads = session.scalars(_READS, {"study": study.id}).all()
    read = next((read for read in reads if read.current), None)
    screenings = [row for row in rows if row.finding is not None]
    worst = max(
        screenings,
        key=lambda screening: rank_suspicion(screening.priority, screening.probability),
        default=None,
    )
    if any(
        row.state in WAITING
        and row.revision >= standing.get((row.sop_instance_uid, row.line), row.revision + 1)
        for row in found
    ):
        study.state = FilmState.RECEIVED.value
    elif screenings:
        study.state = FilmState.SCREENED.value
    elif rows:
        study.state = FilmState.REFUSED.value
    study.refusal = next((row.refusal for row in rows if row.refusal), None) if worst is None else None
    study.finding = None if worst is None else _worst_finding(screenings)
    study.priority = None if worst is None else worst.priority
    study.priority_rank = 0 if worst is None else Priority(worst.priority).rank
    study.probability = None if worst is None else worst.probability
    study.sort_probability = -1.0 if worst is None else worst.probability
    study.verdict = None if read is None else read.verdict
    shown = [row for row in rows if row.refusal != Refusal.OWN_OUTPUT]
    study.is_read = read is not None and all(row.received_at <= read.read_at for row in shown)
    if study.is_read:
        study.is_read = not _has_unseen(
            session, study, {row.id: row.sop_instance_uid for row in shown}, reads
        )
    newest_film_at = max((row.received_at for row in shown), default=None)
    study.differing_verdicts = join_values(find_standing(reads, newest_film_at).differing) or None
    notices = {notice for row in shown for notice in split_values(row.notices)}
    study.notices = join_values(notices) or None
    study.modalities = join_values(row.modality for row in shown)
    study.stations = join_values(row.station_name for row in shown)
    study.senders = join_values(row.calling_ae_title for row in shown)


def _has_unseen(session: Session, study: Study, films: Mapping[int, str], reads: Iterable[Read]) -> bool:
    """True when a film was split off into a study after its reads, none of which showed it.

    Args:
        session: one that writes.
        study: the study.
        films: SOP Instance UIDs of its films by their numbers.
        reads: all reads; one that does not say which films were shown counts for all.
    """
    counted = [read for read in reads if read.withdrawn_at is None]
    seen = {
        number for read in counted for number in (films if read.shown_films is None else read.shown_films)
    }
    unseen = [uid for number, uid in films.items() if number not in seen]
    if not unseen:
        return False
    joined_at = session.scalar(
        select(func.max(Reconciliation.made_at)).where(
            Reconciliation.to_study_instance_uid == study.study_instance_uid,
            Reconciliation.sop_instance_uid.in_(unseen),
        )
    )
    return joined_at is not None and all(read.read_at < joined_at for read in counted)


def rank_suspicion(priority: str, probability: float) -> tuple[int, float]:
    """Return the rank of a film among those of its study; the highest decides for the study."""
    return Priority(priority).rank, probability


def join_values(values: Iterable[str | None]) -> str:
    """Return distinct values, sorted and separated by backslashes, as many as the column holds."""
    joined = ""
    for value in sorted({value.replace("\\", "/") for value in values if value}):
        longer = f"{joined}\\{value}" if joined else value
        joined = longer if len(longer) <= FACET_LENGTH else joined
    return joined


def split_values(joined: str | None) -> list[str]:
    """Return the values that `join_values` joined."""
    return joined.split("\\") if joined else []


def _worst_finding(screenings: Iterable[Any]) -> str:
    findings = {screening.finding for screening in screenings}
    for finding in (Finding.PRESENT, Finding.UNDETERMINED, Finding.ABSENT):
        if finding in findings:
            return finding.value
    raise AssertionError("a screening without a finding")


def _find(session: Session, study_instance_uid: str) -> Study | None:
    return session.scalar(
        select(Study).where(Study.study_instance_uid == study_instance_uid).with_for_update()
    )
