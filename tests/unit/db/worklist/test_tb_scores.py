"""TB scores on the worklist and of a study: by the thresholds that each screening used."""

from __future__ import annotations

from dataclasses import replace

from db.database import Database
from db.films import screenings
from db.models import site_thresholds
from db.worklist import study_details, worklist
from domain.codes import Finding, Priority
from tests.unit import rows

RULE_IN = 0.75
"""Of the bundles that `rows` registers; its results have the threshold 0.4."""


def look(database: Database, study: str) -> list[int | None]:
    """Return the TB scores of a study and of its films, which worklist and details give alike."""
    with database.read() as session:
        (entry,) = [
            found for found in worklist.find_page(session).studies if found.study_instance_uid == study
        ]
        details = study_details.find_details(session, study)
    assert details is not None
    films = [None if film.screening is None else film.screening.tb_score for film in details.films]
    assert [entry.tb_score, *(film.tb_score for film in entry.films)] == [details.tb_score, *films]
    return [details.tb_score, *films]


def screen(database: Database, film: int, score: float, **changes: object) -> None:
    high = score >= RULE_IN
    result = rows.make_result(film, score, Finding.PRESENT, Priority.HIGH if high else Priority.MEDIUM)
    with database.write() as session:
        assert screenings.record_result(session, replace(result, **changes))  # type: ignore[arg-type]


def test_a_study_has_the_tb_score_of_its_most_suspicious_film(database: Database) -> None:
    rows.register_model(database)
    for uid, score in (("1.2.3.1", 0.575), ("1.2.3.2", 0.95), ("1.2.3.3", 0.4)):
        screen(database, rows.receive_and_queue(database, uid), score)
    assert look(database, "1.2.3") == [95, 62, 95, 50]


def test_a_film_without_a_result_and_one_of_an_untrained_model_have_none(database: Database) -> None:
    rows.receive(database, "1.1.1", study="1.1")
    assert look(database, "1.1") == [None, None]
    rows.register_model(database, trained=False)
    screen(database, rows.receive_and_queue(database), 0.95)
    assert look(database, "1.2.3") == [None, None]


def test_a_film_keeps_its_tb_score_when_the_site_moves_its_operating_point(database: Database) -> None:
    rows.register_model(database)
    screen(database, rows.receive_and_queue(database, "1.1.1", study="1.1"), 0.5)
    record = {
        "operating_points": [
            {"name": "screening", "threshold": 0.6},
            {"name": "rule_in", "threshold": 0.8},
            {"name": site_thresholds.NAME, "threshold": 0.6},
        ]
    }
    with database.write() as session:
        entry = site_thresholds.keep(session, rows.DIGEST, "me@here", record, lambda _content: "0" * 64)
        site_thresholds.switch_to(session, entry.calibration_id, "me@here", "moved")
    for study, score in (("1.2", 0.5), ("1.3", 0.7), ("1.4", 0.8)):
        film = rows.receive_and_queue(database, f"{study}.1", study=study)
        screen(database, film, score, operating_point=entry.name, threshold=0.6)
    assert [look(database, study)[0] for study in ("1.1", "1.2", "1.3", "1.4")] == [57, 41, 62, 75]
