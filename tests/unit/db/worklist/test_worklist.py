"""A study stands where its worst film stands; the worklist is ordered by suspicion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from db.clock import now
from db.database import Database
from db.delivery import deliveries
from db.films import films
from db.tables import Delivery, Instance, Screening, Study
from db.worklist import worklist
from db.worklist.studies import StudyHeader
from db.worklist.study_entries import StudyEntry
from db.worklist.worklist_filter import WorklistFilter
from domain.codes import Doubt, Finding, Priority, Refusal
from tests.unit import rows


@pytest.fixture(autouse=True)
def active_model(database: Database) -> None:
    """Every film here is screened by the same bundle."""
    rows.register_model(database)


def test_a_study_waits_while_one_of_its_films_does(database: Database) -> None:
    rows.screen(database, rows.receive_and_queue(database, "1.2.3.1"), score=0.7)
    rows.receive(database, "1.2.3.2")
    (study,) = _query(database)
    assert (study.state, study.finding, study.probability) == ("received", "present", 0.7)


def test_a_study_stands_where_its_worst_film_stands(database: Database) -> None:
    _screen(database, "1.2.3.1", 0.99, Finding.ABSENT, Priority.LOW)
    _screen(database, "1.2.3.2", 0.30, Finding.UNDETERMINED, Priority.HIGH)
    _screen(database, "1.2.3.3", 0.20, Finding.PRESENT, Priority.HIGH)
    _screen(database, "1.2.3.4", 0.90, Finding.ABSENT, Priority.MEDIUM)
    (study,) = _query(database)
    assert (study.state, study.priority, study.probability) == ("screened", "HIGH", 0.30)
    assert study.finding == "present"
    assert [film.sop_instance_uid for film in study.films] == ["1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4"]


@pytest.mark.parametrize(
    ("findings", "worst"),
    [
        ([Finding.ABSENT, Finding.UNDETERMINED], "undetermined"),
        ([Finding.UNDETERMINED, Finding.PRESENT], "present"),
        ([Finding.ABSENT, Finding.ABSENT], "absent"),
    ],
)
def test_the_worst_finding_of_a_study(database: Database, findings: list[Finding], worst: str) -> None:
    for number, finding in enumerate(findings):
        _screen(database, f"1.2.3.{number + 1}", 0.5, finding, Priority.LOW)
    (study,) = _query(database)
    assert study.finding == worst


def test_a_study_whose_films_were_all_refused_is_refused(database: Database) -> None:
    _refuse(database, "1.2.3.1", Refusal.NOT_FRONTAL)
    _refuse(database, "1.2.3.2", Refusal.NOT_CHEST)
    (study,) = _query(database)
    assert (study.state, study.refusal, study.priority) == ("refused", "not_frontal", None)
    assert [film.refusal for film in study.films] == ["not_frontal", "not_chest"]
    assert [film.refusal_detail for film in study.films] == ["what was seen", "what was seen"]


def test_a_lateral_beside_a_screened_film_does_not_refuse_the_study(database: Database) -> None:
    _screen(database, "1.2.3.1", 0.5, Finding.ABSENT, Priority.LOW)
    _refuse(database, "1.2.3.2", Refusal.NOT_FRONTAL)
    (study,) = _query(database)
    assert (study.state, study.refusal, study.finding) == ("screened", None, "absent")


def test_a_correction_takes_the_place_of_what_it_corrects(database: Database) -> None:
    _screen(database, "1.2.3.1", 0.9, Finding.PRESENT, Priority.HIGH)
    corrected = rows.receive_and_queue(database, "1.2.3.1", "corrected")
    (waiting,) = _query(database)
    assert (waiting.state, waiting.priority, len(waiting.films)) == ("received", "HIGH", 1)
    rows.screen(database, corrected, 0.1, Finding.ABSENT, Priority.LOW)
    (study,) = _query(database)
    assert (study.state, study.priority, study.probability) == ("screened", "LOW", 0.1)


def test_a_late_result_of_a_superseded_film_does_not_move_the_study(database: Database) -> None:
    superseded = rows.receive_and_queue(database, "1.2.3.1", "as taken")
    corrected = rows.receive_and_queue(database, "1.2.3.1", "corrected")
    rows.screen(database, corrected, 0.1, Finding.ABSENT, Priority.LOW)
    rows.screen(database, superseded, 0.9, Finding.PRESENT, Priority.HIGH)
    (study,) = _query(database)
    assert (study.state, study.priority) == ("screened", "LOW")


def test_the_order_is_priority_then_probability_then_waiting_time(database: Database) -> None:
    plan = [
        ("1.1", 0.10, Priority.LOW, 10),
        ("1.2", 0.95, Priority.LOW, 10),
        ("1.3", 0.50, Priority.HIGH, 10),
        ("1.4", 0.60, Priority.HIGH, 10),
        ("1.5", 0.60, Priority.MEDIUM, 10),
        ("1.6", 0.60, Priority.HIGH, 99),
    ]
    for study, score, priority, waited in plan:
        instance_id = rows.receive_and_queue(database, f"{study}.1", study=study)
        rows.screen(database, instance_id, score, Finding.UNDETERMINED, priority)
        _set_received(database, study, waited)
    rows.receive(database, "1.7.1", study="1.7")
    rows.receive(database, "1.8.1", study="1.8")
    _set_received(database, "1.8", 99)
    order = ["1.6", "1.4", "1.3", "1.5", "1.2", "1.1", "1.8", "1.7"]
    assert [study.study_instance_uid for study in _query(database)] == order
    assert [study.study_instance_uid for study in _query(database, limit=3)] == order[:3]


def test_the_worklist_is_filtered_by_state_priority_and_study(database: Database) -> None:
    screened = rows.receive_and_queue(database, "1.1.1", study="1.1")
    rows.screen(database, screened, 0.9, Finding.PRESENT, Priority.HIGH)
    rows.receive(database, "1.2.1", study="1.2")
    instance_id = rows.receive(database, "1.3.1", study="1.3").instance_id
    with database.write() as session:
        films.refuse(session, instance_id, Refusal.NOT_CHEST, "a hand")

    def find(**filters: Any) -> list[str]:
        return [study.study_instance_uid for study in _query(database, **filters)]

    assert find(states=["screened"]) == ["1.1"]
    assert find(states=["received"]) == ["1.2"]
    assert find(states=["refused"]) == ["1.3"]
    assert find(priorities=["HIGH"]) == ["1.1"]
    assert find(priorities=["LOW"]) == []
    assert find(study_instance_uids=["1.2"]) == ["1.2"]
    assert find(states=["screened"], study_instance_uids=["1.2"]) == []


def test_an_entry_shows_study_patient_model_and_doubts(database: Database) -> None:
    header = StudyHeader("1.2.3", "A7", "P1", "Doe^Jane", study_date="20240301")
    instance_id = rows.receive(database, study=header).instance_id
    rows.queue(database, instance_id, [Doubt.AGE_UNKNOWN])
    rows.screen(database, instance_id, 0.5, Finding.UNDETERMINED, Priority.MEDIUM)
    (study,) = _query(database)
    assert (study.accession_number, study.patient_id, study.patient_name) == ("A7", "P1", "Doe^Jane")
    assert study.study_date == "20240301"
    (film,) = study.films
    assert (film.modality, film.body_part, film.view_position) == ("DX", "CHEST", "PA")
    assert (film.model, film.trained, list(film.doubts)) == ("test-model 1.0", True, ["age_unknown"])
    assert (film.score, film.finding, film.priority) == (0.5, "undetermined", "MEDIUM")


def test_the_stages_of_a_delivered_film_are_measured_one_after_the_other(database: Database) -> None:
    rows.screen(database, rows.receive_and_queue(database))
    rows.report(database)
    with database.write() as session:
        deliveries.mark_delivered(session, session.scalars(select(Delivery.id)).one())
    start = now()
    moments = [start + timedelta(milliseconds=offset) for offset in (0, 10, 30, 70, 150, 310, 630)]
    with database.write() as session:
        session.execute(
            update(Instance).values(requested_at=moments[0], received_at=moments[1], prepared_at=moments[2])
        )
        session.execute(update(Screening).values(started_at=moments[3], finished_at=moments[4]))
        session.execute(update(Delivery).values(created_at=moments[5], delivered_at=moments[6]))
    ((film,),) = [study.films for study in _query(database)]
    assert film.stages_ms == {
        "receive": 10.0,
        "prepare": 20.0,
        "queue": 40.0,
        "predict": 80.0,
        "report": 160.0,
        "deliver": 320.0,
    }


def test_of_several_peers_the_first_delivery_counts(database: Database) -> None:
    rows.screen(database, rows.receive_and_queue(database))
    rows.report(database, ["slow", "fast", "never"])
    created = now()
    with database.write() as session:
        session.execute(update(Delivery).values(created_at=created))
        for peer, seconds in (("slow", 9), ("fast", 2)):
            delivered_at = created + timedelta(seconds=seconds)
            session.execute(
                update(Delivery)
                .where(Delivery.peer == peer)
                .values(state="delivered", delivered_at=delivered_at)
            )
    ((film,),) = [study.films for study in _query(database)]
    assert film.stages_ms["deliver"] == 2000.0


def test_stages_that_are_not_over_are_absent(database: Database) -> None:
    rows.receive(database)
    ((film,),) = [study.films for study in _query(database)]
    assert set(film.stages_ms) == {"receive"}


def test_an_empty_database_has_an_empty_worklist(database: Database) -> None:
    assert not _query(database)


def _query(database: Database, limit: int = 100, **filters: Any) -> Sequence[StudyEntry]:
    with database.read() as session:
        return worklist.find_page(session, WorklistFilter(**filters), limit=limit).studies


def _screen(database: Database, uid: str, score: float, finding: Finding, priority: Priority) -> None:
    rows.screen(database, rows.receive_and_queue(database, uid), score, finding, priority)


def _refuse(database: Database, uid: str, refusal: Refusal) -> None:
    instance_id = rows.receive(database, uid).instance_id
    with database.write() as session:
        assert films.refuse(session, instance_id, refusal, "what was seen")


def _set_received(database: Database, study: str, seconds_ago: float) -> None:
    with database.write() as session:
        session.execute(
            update(Study)
            .where(Study.study_instance_uid == study)
            .values(received_at=now() - timedelta(seconds=seconds_ago))
        )
