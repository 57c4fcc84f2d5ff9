"""A database like a morning's: phantoms of people who do not exist, screened, refused, waiting, read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Select, select, update

from db.accounts import users
from db.clock import now
from db.database import Database
from db.delivery import deliveries
from db.films import films, screenings
from db.films.screenings import Heat
from db.tables import Delivery, Instance, Model, ReportObject, Screening, Study
from db.worklist import reads
from db.worklist.studies import StudyHeader
from domain.codes import Doubt, Finding, Priority, Refusal, Verdict
from domain.roles import Role
from tests.phantom import draw_phantom, heat_cells
from tests.unit import rows
from web.access.passwords import hash_password

PASSWORD = "a longer walk to the lake"
MARGIN = 0.05
DIGEST = hashlib.sha256(b"a bundle that is not there").hexdigest()
MANIFEST = {
    "trained": True,
    "calibration": {"method": "platt", "prevalence": 0.1},
    "operating_points": [
        {"name": "screening", "sensitivity": 0.906, "specificity": 0.892, "threshold": 0.4},
        {"name": "rule_in", "sensitivity": 0.84, "specificity": 0.95, "threshold": 0.62},
    ],
}


class Person(NamedTuple):
    """One study of the morning: who, and what became of the film."""

    name: str
    sex: str
    age: int
    score: float | None
    shadow: tuple[float, float, float] | None = None
    refusal: Refusal | None = None
    verdict: Verdict | None = None
    doubt: Doubt | None = None


MORNING = (
    Person("Okafor^Chidi", "M", 34, 0.93, (0.34, 0.3, 0.07)),
    Person("Lindqvist^Maja", "F", 61, 0.78, (0.66, 0.36, 0.05)),
    Person("Hernandez^Luis", "M", 47, 0.71, (0.33, 0.42, 0.05)),
    Person("Rao^Anjali", "F", 29, 0.55, (0.67, 0.27, 0.03), doubt=Doubt.VIEW_UNKNOWN),
    Person("Novak^Petr", "M", 52, 0.44),
    Person("Mbeki^Thandi", "F", 38, 0.21),
    Person("Svensson^Lars", "M", 70, 0.12),
    Person("Tanaka^Yui", "F", 25, 0.06),
    Person("Bauer^Jonas", "M", 9, None, refusal=Refusal.UNDER_AGE),
    Person("Ito^Kenji", "M", 44, None, refusal=Refusal.NOT_FRONTAL),
    Person("Haddad^Leila", "F", 33, 0.88, (0.35, 0.33, 0.06), verdict=Verdict.TB),
    Person("Costa^Rui", "M", 58, 0.49, verdict=Verdict.NOT_TB),
    Person("Diallo^Awa", "F", 41, None),
)


def fill(database: Database, people: tuple[Person, ...] = MORNING, side: int = 256) -> None:
    """Write the morning, each study's UID `1.2.N` in the order given; the films are `side` pixels wide."""
    rows.register_model(database, DIGEST, name="tbscreen-default")
    with database.write() as session:
        manifest = {**session.get_one(Model, DIGEST).manifest, **MANIFEST}
        session.execute(update(Model).values(manifest=manifest))
    for number, person in enumerate(people, start=1):
        _come(database, number, person, side)


@lru_cache
def _hash_once() -> str:
    return hash_password(PASSWORD)


def add_users(database: Database) -> None:
    """Add `rosa`, a reader, `max`, a manager, and `ada`, an admin, all with `PASSWORD`."""
    hashed = _hash_once()
    with database.write() as session:
        for name, role in (("rosa", Role.READER), ("max", Role.MANAGER), ("ada", Role.ADMIN)):
            users.add(session, name, role, hashed)


def add_reader(database: Database, name: str) -> None:
    """Add one more reader with `PASSWORD`."""
    add_user(database, name, Role.READER)


def add_user(database: Database, name: str, role: Role) -> None:
    """Add one more user with `PASSWORD`."""
    with database.write() as session:
        users.add(session, name, role, _hash_once())


def receive_one(database: Database, uid: str, name: str) -> None:
    """Receive one more film."""
    rows.receive(database, f"{uid}.1", study=StudyHeader(uid, patient_name=name))


def _come(database: Database, number: int, person: Person, side: int) -> None:
    header = StudyHeader(
        f"1.2.{number}",
        accession_number=f"A{20260000 + number}",
        patient_id=f"P-{4100 + number * 37}",
        patient_name=person.name,
        patient_sex=person.sex,
        study_date="20261125",
        study_time="0812",
    )
    instance_id = rows.receive(
        database, f"1.2.{number}.1", study=header, age_years=person.age, station_name=f"ROOM{number % 2 + 1}"
    ).instance_id
    if person.refusal is not None:
        detail = {Refusal.UNDER_AGE: "9 years old", Refusal.NOT_FRONTAL: "ViewPosition is LL"}
        with database.write() as session:
            films.refuse(session, instance_id, person.refusal, detail[person.refusal])
    elif person.score is not None:
        _screen(database, instance_id, number, person, side)
    _shift(database, instance_id, timedelta(minutes=4 * (len(MORNING) - number) + 3))
    if person.verdict is not None:
        with database.write() as session:
            reads.record(session, header.study_instance_uid, person.verdict, "rosa", "compared with 2024")


def _screen(database: Database, instance_id: int, number: int, person: Person, side: int) -> None:
    assert person.score is not None
    jpeg = draw_phantom(number, person.shadow, side)
    with database.write() as session:
        films.record_preparation(session, instance_id, jpeg, [person.doubt] if person.doubt else [])
        assert films.pin_bundle(session, instance_id, "tbscreen-normalization-1") is not None
        assert films.mark_queued(session, instance_id, rows.LEASE)
    priority = (
        Priority.HIGH if person.score >= 0.62 else Priority.MEDIUM if person.score >= 0.4 else Priority.LOW
    )
    finding = Finding.PRESENT if person.score >= 0.4 else Finding.ABSENT
    result = rows.make_result(
        instance_id, person.score, Finding.UNDETERMINED if person.doubt else finding, priority, DIGEST
    )
    cells = heat_cells(*(person.shadow or (0.5, 0.5, 0.02)), MARGIN)
    result = replace(result, heat=Heat(14, 14, MARGIN, cells))
    with database.write() as session:
        assert screenings.begin_attempt(session, instance_id) is not None
        assert screenings.record_result(session, result)
    rows.report(database)
    if number != 2:
        with database.write() as session:
            for due in deliveries.lease_due(session, rows.LEASE, 10):
                deliveries.mark_delivered(session, due.delivery_id)


def _shift(database: Database, instance_id: int, ago: timedelta) -> None:
    """Let it have happened a while ago, each step some seconds after the one before."""
    came = now() - ago
    with database.write() as session:
        film = session.get_one(Instance, instance_id)
        film.requested_at, film.received_at = came - timedelta(milliseconds=310), came
        if film.prepared_at is not None:
            film.prepared_at = came + timedelta(milliseconds=420)
            film.queued_at = came + timedelta(milliseconds=450)
            session.execute(
                update(Screening)
                .where(Screening.instance_id == instance_id)
                .values(started_at=came + timedelta(seconds=1), finished_at=came + timedelta(seconds=1.2))
            )
        session.get_one(Study, film.study_id).received_at = came
        session.execute(
            update(Delivery)
            .where(Delivery.sop_instance_uid.in_(_list_reports(instance_id)))
            .values(created_at=came + timedelta(seconds=2))
        )
        session.execute(
            update(Delivery)
            .where(
                Delivery.sop_instance_uid.in_(_list_reports(instance_id)), Delivery.delivered_at.is_not(None)
            )
            .values(delivered_at=came + timedelta(seconds=2.4))
        )


def _list_reports(instance_id: int) -> Select[tuple[str]]:
    return (
        select(ReportObject.sop_instance_uid)
        .join(Screening, Screening.id == ReportObject.screening_id)
        .where(Screening.instance_id == instance_id)
    )
