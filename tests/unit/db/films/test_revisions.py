"""A result stands until a newer revision has one; a failure displaces none; a film is screened once."""

from __future__ import annotations

import pytest

from db.database import Database
from db.delivery import outbox, refusal_outbox
from db.films import films
from db.states import FilmState
from db.tables import Instance
from db.worklist import worklist
from db.worklist.study_entries import StudyEntry
from db.worklist.worklist_filter import WorklistFilter
from domain.codes import FAILURES, Notice, Refusal
from tests.unit import rows

CONTENT = "c" * 64


@pytest.fixture
def screened(database: Database) -> Database:
    """A database with one film, HIGH, revision 1, row 1."""
    rows.register_model(database)
    film = rows.receive(database, content="as taken").instance_id
    prepare(database, film)
    rows.screen(database, film)
    return database


def prepare(database: Database, film: int, digest: str | None = CONTENT) -> bool:
    """Prepare and queue a film; False for the same film as another revision."""
    with database.write() as session:
        is_new = films.record_preparation(session, film, b"a rendition", (), content_digest=digest)
        if is_new:
            assert films.pin_bundle(session, film, rows.SPEC.version) is not None
            assert films.mark_queued(session, film, rows.LEASE)
        return is_new


def refuse(database: Database, film: int, refusal: Refusal) -> None:
    with database.write() as session:
        assert films.refuse(session, film, refusal, "a reason")


def show(database: Database, wanted: WorklistFilter | None = None) -> list[StudyEntry]:
    with database.read() as session:
        return list(worklist.find_page(session, wanted).studies)


def find_standing(database: Database, *instance_ids: int) -> list[bool]:
    return [rows.read_film(database, film).current for film in instance_ids]


def count_reports(database: Database) -> tuple[int, int]:
    """Return the numbers of results and of refusals that wait to be reported."""
    with database.write() as session:
        results = outbox.lease(session, rows.LEASE, 9)
        return len(results), len(refusal_outbox.lease(session, rows.LEASE, 9))


def test_a_result_stands_while_a_correction_waits(screened: Database) -> None:
    correction = rows.receive(screened, content="corrected").instance_id

    (study,) = show(screened)
    assert (study.state, study.priority, study.films[0].state) == ("received", "HIGH", "screened")
    prepare(screened, correction, "d" * 64)
    assert show(screened)[0].priority == "HIGH"
    rows.screen(screened, correction, 0.1, priority=rows.Priority.LOW)
    (study,) = show(screened)
    assert (study.state, study.priority, study.notices) == ("screened", "LOW", [])
    assert find_standing(screened, 1, correction) == [False, True]


@pytest.mark.parametrize("failure", sorted(FAILURES))
def test_a_failure_displaces_no_result_and_is_shown_beside_it(screened: Database, failure: Refusal) -> None:
    damaged = rows.receive(screened, content="damaged").instance_id
    refuse(screened, damaged, failure)

    (study,) = show(screened)
    assert (study.state, study.priority, study.refusal) == ("screened", "HIGH", None)
    assert study.notices == [Notice.REVISION_FAILED]
    assert [film.state for film in study.films] == ["screened"]
    assert len(show(screened, WorklistFilter(notices=(Notice.REVISION_FAILED,)))) == 1
    assert count_reports(screened) == (1, 0), "the PACS is not told that the film was not analysed"


def test_a_good_revision_after_a_failure_takes_the_notice_away(screened: Database) -> None:
    refuse(screened, rows.receive(screened, content="damaged").instance_id, Refusal.UNDECODABLE)
    good = rows.receive(screened, content="corrected").instance_id
    assert show(screened)[0].notices == [Notice.REVISION_FAILED]
    prepare(screened, good, "d" * 64)
    rows.screen(screened, good)

    assert show(screened)[0].notices == []


def test_the_same_film_after_a_failure_takes_the_notice_away(screened: Database) -> None:
    refuse(screened, rows.receive(screened, content="damaged").instance_id, Refusal.UNDECODABLE)
    assert not prepare(screened, rows.receive(screened, content="as taken, implicit").instance_id)

    (study,) = show(screened)
    assert (study.state, study.priority, study.notices) == ("screened", "HIGH", [])


def test_a_revision_that_is_refused_for_what_it_shows_replaces_the_result(screened: Database) -> None:
    elbow = rows.receive(screened, content="an elbow").instance_id
    refuse(screened, elbow, Refusal.NOT_CHEST)

    (study,) = show(screened)
    assert (study.state, study.priority, study.refusal) == ("refused", None, "not_chest")
    assert count_reports(screened) == (1, 1)


def test_a_failure_leaves_the_place_to_an_earlier_revision_that_waits(database: Database) -> None:
    rows.register_model(database)
    first = rows.receive(database, content="as taken").instance_id
    prepare(database, first)
    damaged = rows.receive(database, content="damaged").instance_id
    assert find_standing(database, first, damaged) == [False, True]
    refuse(database, damaged, Refusal.UNDECODABLE)
    assert find_standing(database, first, damaged) == [True, False]
    rows.screen(database, first)

    (study,) = show(database)
    assert (study.state, study.priority, study.notices) == ("screened", "HIGH", [Notice.REVISION_FAILED])
    assert count_reports(database) == (1, 0)


def test_a_result_that_comes_late_stands_until_the_newer_revision_has_one(database: Database) -> None:
    rows.register_model(database)
    first = rows.receive_and_queue(database, content="as taken")
    second = rows.receive_and_queue(database, content="corrected")
    rows.screen(database, first)
    assert show(database)[0].priority == "HIGH"
    rows.screen(database, second, 0.1, priority=rows.Priority.LOW)
    assert show(database)[0].priority == "LOW"


def test_an_older_result_never_replaces_a_newer(database: Database) -> None:
    rows.register_model(database)
    first = rows.receive_and_queue(database, content="as taken")
    second = rows.receive_and_queue(database, content="corrected")
    rows.screen(database, second, 0.1, priority=rows.Priority.LOW)
    rows.screen(database, first)

    assert show(database)[0].priority == "LOW"
    assert find_standing(database, first, second) == [False, True]


def test_a_refusal_of_an_older_revision_is_not_reported_after_a_newer_result(database: Database) -> None:
    rows.register_model(database)
    first = rows.receive(database, content="as taken").instance_id
    second = rows.receive_and_queue(database, content="corrected")
    rows.screen(database, second)
    refuse(database, first, Refusal.NOT_CHEST)

    assert find_standing(database, first, second) == [False, True]
    assert count_reports(database) == (1, 0)


def test_a_result_that_a_worker_of_the_version_before_recorded_stands(screened: Database) -> None:
    correction = rows.receive(screened, content="corrected").instance_id
    prepare(screened, correction, "d" * 64)
    rows.screen(screened, correction)
    with screened.write() as session:  # as that worker leaves it
        session.get_one(Instance, 1).current = True
        session.get_one(Instance, correction).current = False
    count_reports(screened)
    assert find_standing(screened, 1, correction) == [False, True]


def test_a_film_that_failed_and_fails_again_is_refused_and_reported(database: Database) -> None:
    rows.register_model(database)
    for content in ("damaged", "damaged again"):
        refuse(database, rows.receive(database, content=content).instance_id, Refusal.UNDECODABLE)

    (study,) = show(database)
    assert (study.state, study.refusal, study.notices) == ("refused", "undecodable", [])
    assert count_reports(database) == (0, 2)


def test_the_same_film_in_another_encoding_is_not_screened_again(screened: Database) -> None:
    again = rows.receive(screened, content="as taken, implicit").instance_id

    assert not prepare(screened, again)
    film = rows.read_film(screened, again)
    assert (film.state, film.refusal, film.current) == (FilmState.REFUSED, Refusal.SAME_FILM, False)
    assert "revision 1" in (film.refusal_detail or "")
    (study,) = show(screened)
    assert (study.state, study.priority, len(study.films)) == ("screened", "HIGH", 1)
    assert count_reports(screened) == (1, 0)


def test_the_same_film_twice_at_once_is_screened_once(database: Database) -> None:
    rows.register_model(database)
    first = rows.receive(database, content="as taken").instance_id
    second = rows.receive(database, content="as taken, implicit").instance_id
    assert prepare(database, second)
    assert not prepare(database, first)
    rows.screen(database, second)

    (study,) = show(database)
    assert (study.priority, len(study.films)) == ("HIGH", 1)
    assert count_reports(database) == (1, 0)


@pytest.mark.parametrize("digest", [None, "d" * 64])
def test_a_film_of_another_or_unknown_content_is_screened_again(
    screened: Database, digest: str | None
) -> None:
    assert prepare(screened, rows.receive(screened, content="corrected").instance_id, digest)


def test_a_film_that_failed_is_screened_when_it_comes_again_in_another_encoding(database: Database) -> None:
    rows.register_model(database)
    first = rows.receive(database, content="as taken").instance_id
    prepare(database, first)
    refuse(database, first, Refusal.PROCESSING_FAILED)

    assert prepare(database, rows.receive(database, content="as taken, implicit").instance_id)


def test_a_film_that_failed_and_is_tried_again_takes_its_place_by_its_result(screened: Database) -> None:
    failed = rows.receive(screened, content="corrected").instance_id
    refuse(screened, failed, Refusal.PROCESSING_FAILED)
    with screened.write() as session:
        assert films.retry_failed(session) == 1
    assert (show(screened)[0].state, show(screened)[0].notices) == ("received", [])
    prepare(screened, failed, "d" * 64)
    rows.screen(screened, failed, 0.1, priority=rows.Priority.LOW)
    assert show(screened)[0].priority == "LOW"
