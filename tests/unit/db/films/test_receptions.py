"""Reception: one row for the same bytes, a revision for other bytes, whoever comes at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import func, select

from db.database import Database
from db.films import films, receptions, spooled_files
from db.films.receptions import Reception
from db.patients import conflicts
from db.states import FilmState
from db.tables import Instance, Study
from db.worklist.studies import StudyHeader
from domain.codes import Refusal
from tests.unit import rows


def test_a_new_film_is_received_due_and_current(database: Database) -> None:
    reception = rows.receive(database)
    film = rows.read_film(database, reception.instance_id)
    assert (reception.new, reception.revision) == (True, 1)
    assert (film.state, film.current, film.refusal, film.doubts) == (FilmState.RECEIVED, True, None, [])
    assert film.due_at == film.received_at >= film.requested_at
    assert film.header == rows.make_film().header


def test_the_same_bytes_twice_are_one_row(database: Database) -> None:
    first = rows.receive(database)
    second = rows.receive(database)
    assert second == Reception(first.instance_id, 1, new=False, file_wanted=True)
    assert _count(database) == 1


def test_a_film_that_its_gateway_let_lie_goes_on_where_it_is_sent_again(database: Database) -> None:
    film_id = rows.receive(database, gateway="gone", spool_path="00/theirs.dcm").instance_id
    here = {"gateway": "here", "spool_path": "00/ours.dcm"}
    assert not rows.receive(database, **here).file_wanted, "the other may have only just received it"
    rows.make_due(database, Instance, seconds_ago=301)
    again = rows.receive(database, **here)
    assert again == Reception(film_id, 1, new=False, file_wanted=True)
    film = rows.read_film(database, film_id)
    assert (film.gateway, film.spool_path, film.state) == ("here", "00/ours.dcm", FilmState.RECEIVED)
    with database.write() as session:
        assert films.lease_due(session, "gone", rows.LEASE, 9) == []
        assert [due.instance_id for due in films.lease_due(session, "here", rows.LEASE, 9)] == [film_id]


def test_a_film_that_is_done_is_not_taken_over(database: Database) -> None:
    film_id = rows.receive(database, gateway="gone").instance_id
    with database.write() as session:
        assert films.refuse(session, film_id, Refusal.NOT_CHEST, "an elbow")
    rows.make_due(database, Instance, seconds_ago=9999)
    assert not rows.receive(database, gateway="here").file_wanted
    assert rows.read_film(database, film_id).gateway == "gone"


def test_other_bytes_under_the_same_uid_are_a_revision_that_becomes_current(database: Database) -> None:
    first = rows.receive(database, content="as taken")
    second = rows.receive(database, content="corrected")
    third = rows.receive(database, content="corrected again")
    assert [reception.revision for reception in (first, second, third)] == [1, 2, 3]
    current = [
        rows.read_film(database, reception.instance_id).current for reception in (first, second, third)
    ]
    assert current == [False, False, True]


def test_an_old_revision_received_again_stays_superseded(database: Database) -> None:
    first = rows.receive(database, content="as taken")
    rows.receive(database, content="corrected")
    again = rows.receive(database, content="as taken")
    assert again == Reception(first.instance_id, 1, new=False, file_wanted=True)
    assert not rows.read_film(database, first.instance_id).current


def test_a_film_that_comes_for_another_study_leaves_the_first_as_it_is(
    database: Database,
) -> None:
    first = rows.receive(database, "1.2.3.1", study=StudyHeader("1.2.3"))
    stays = rows.receive(database, "1.2.3.2", study=StudyHeader("1.2.3"))
    moved = rows.receive(database, "1.2.3.1", content="corrected", study=StudyHeader("1.2.4"))
    with database.read() as session:
        rows_of = {
            uid: session.scalars(
                select(Instance.id)
                .join(Study)
                .where(Study.study_instance_uid == uid, Instance.current)
                .order_by(Instance.id)
            ).all()
            for uid in ("1.2.3", "1.2.4")
        }
    assert rows_of == {"1.2.3": [first.instance_id, stays.instance_id], "1.2.4": [moved.instance_id]}


def test_a_newer_header_fills_what_was_empty_and_changes_nothing_else(database: Database) -> None:
    rows.receive(database, "1.2.3.1", study=StudyHeader("1.2.3", patient_id="P1", accession_number=""))
    rows.receive(
        database,
        "1.2.3.2",
        study=StudyHeader("1.2.3", patient_id="p1 ", accession_number="A7", patient_name="Doe^Jane"),
    )
    rows.receive(database, "1.2.3.3", study=StudyHeader("1.2.3", accession_number="A8"))
    with database.read() as session:
        study = session.scalars(select(Study)).one()
    assert (study.patient_id, study.accession_number, study.patient_name) == ("P1", "A7", "Doe^Jane")


def test_identical_receptions_at_the_same_time_give_one_row(database: Database) -> None:
    receptions = _at_once(8, lambda _: rows.receive(database))
    assert len({reception.instance_id for reception in receptions}) == 1
    assert sorted(reception.new for reception in receptions) == [False] * 7 + [True]
    assert _count(database) == 1


def test_corrections_at_the_same_time_give_one_revision_each_and_one_current(database: Database) -> None:
    receptions = _at_once(6, lambda number: rows.receive(database, content=f"version {number}"))
    assert sorted(reception.revision for reception in receptions) == [1, 2, 3, 4, 5, 6]
    with database.read() as session:
        current = session.scalars(select(Instance.revision).where(Instance.current)).all()
    assert current == [6]


def test_films_of_several_patients_under_one_uid_at_the_same_time_all_stand(database: Database) -> None:
    headers = [StudyHeader(f"1.2.{number}", patient_id=f"P{number}") for number in range(6)]
    receptions = _at_once(6, lambda number: rows.receive(database, "1.1", f"{number}", study=headers[number]))
    assert sorted(reception.conflict for reception in receptions) == [False] + [True] * 5
    with database.read() as session:
        lines = session.scalars(select(Instance.line).where(Instance.current)).all()
        assert sorted(lines) == [0, 1, 2, 3, 4, 5]
        assert conflicts.count_open(session)["conflict"] == 5


def test_films_of_one_new_study_at_the_same_time_share_its_row(database: Database) -> None:
    receptions = _at_once(8, lambda number: rows.receive(database, f"1.2.3.{number + 1}"))
    assert all(reception.new for reception in receptions)
    assert _count(database) == 8
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Study)) == 1


def test_find_revision_knows_exactly_these_bytes(database: Database) -> None:
    known = rows.receive(database)
    film, other = rows.make_film(), rows.make_film(content="other")
    with database.read() as session:
        found = receptions.find_revision(session, film.sop_instance_uid, film.dataset_sha256, film.gateway)
        assert found == Reception(known.instance_id, 1, new=False, file_wanted=True)
        elsewhere = receptions.find_revision(session, film.sop_instance_uid, film.dataset_sha256, "elsewhere")
        assert elsewhere == Reception(known.instance_id, 1, new=False, file_wanted=False)
        assert (
            receptions.find_revision(session, film.sop_instance_uid, other.dataset_sha256, film.gateway)
            is None
        )


def test_a_film_whose_file_has_left_the_spool_wants_no_file_again(database: Database) -> None:
    first = rows.receive(database)
    assert first.file_wanted
    with database.write() as session:
        spooled_files.forget_file(session, first.instance_id)
    again = rows.receive(database)
    assert again == Reception(first.instance_id, 1, new=False, file_wanted=False)
    assert rows.receive(database, content="corrected").file_wanted


def test_own_objects_are_known_when_they_come_back(database: Database) -> None:
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database))
    (uid,) = rows.report(database)
    for number, name in enumerate([uid, "1.2.3.99"]):
        rows.receive(database, name, study=f"1.2.3.{number}")
    with database.write() as session:
        due = films.lease_due(session, rows.GATEWAY, rows.LEASE, 9)
    assert {film.sop_instance_uid: film.is_named_as_object for film in due} == {uid: True, "1.2.3.99": False}


def _at_once(count: int, receive: Callable[[int], Reception]) -> list[Reception]:
    barrier = Barrier(count)

    def work(number: int) -> Reception:
        barrier.wait(timeout=30)
        return receive(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def _count(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Instance)) or 0
