"""A table by age and sex: each film is pinned to the cell of its person, and says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from db.counts.referrals import watch_referral
from db.database import Database
from db.films import screenings
from db.models import site_thresholds
from db.models.site_thresholds import NAME, SiteThresholdEntry
from db.models.threshold_groups import GROUP, GROUPS
from db.tables import Instance, Model, Screening
from db.worklist import study_details
from db.worklist.studies import StudyHeader
from domain.errors import PermanentError
from tests.unit import rows

WOMEN = {"sex": "F", "first": 25, "last": 44, "name": f"{NAME}_f_25_44"}


def make_points(threshold: float, name: str) -> list[dict[str, Any]]:
    return [
        {"name": point, "threshold": value, "sensitivity": 0.9, "specificity": 0.7}
        for point, value in (("screening", threshold), ("rule_in", 0.9), (name, threshold))
    ]


def sign(content: bytes) -> str:
    return f"{len(content):064}"


@pytest.fixture
def table(database: Database) -> SiteThresholdEntry:
    """A table in use: women of 25 to 44 from 0.3, everybody else from 0.6."""
    rows.register_model(database)
    common = {"operating_points": make_points(0.6, NAME), GROUPS: [WOMEN]}
    cell = {
        "operating_points": make_points(0.3, f"{NAME}_f_25_44"),
        GROUP: {
            "table": NAME,
            "people": "women of 25 to 44",
            "reason": "threshold for women of 25 to 44 (812 enrolled)",
            "of_table": {"sensitivity": 0.9, "specificity": 0.7},
        },
    }
    with database.write() as session:
        entry = site_thresholds.keep(session, rows.DIGEST, "me@here", common, sign, {"_f_25_44": cell})
        site_thresholds.switch_to(session, entry.calibration_id, "me@here")
    return entry


def pin(database: Database, uid: str, sex: str | None, age: int | None, study: str | None = None) -> str:
    header = StudyHeader(study or f"{uid}.9", patient_id=uid, patient_sex=sex)
    film = rows.receive_and_queue(database, uid, study=header, age_years=age)
    with database.read() as session:
        return str(session.get_one(Instance, film).operating_point)


def test_a_film_is_pinned_to_the_cell_of_its_person(database: Database, table: SiteThresholdEntry) -> None:
    assert pin(database, "1.1", "F", 25) == pin(database, "1.2", "F", 44) == f"{table.name}_f_25_44"
    for number, (sex, age) in enumerate(
        (("M", 30), ("F", 24), ("F", 45), ("F", None), (None, 30), ("O", 30))
    ):
        assert pin(database, f"1.3.{number}", sex, age) == table.name, (sex, age)
    assert pin(database, "1.4", "F", 30, study="1.1.9") == table.name, "another patient's film in this study"


def test_a_cell_is_a_site_threshold_for_workers_of_any_version(
    database: Database, table: SiteThresholdEntry
) -> None:
    with database.read() as session:
        points = site_thresholds.find_points(session, rows.DIGEST, f"{table.name}_f_25_44")
        assert points is not None
        assert points["reported_operating_point"] == f"{table.name}_f_25_44"
        assert {point["name"]: point["threshold"] for point in points["operating_points"]} == {
            "screening": 0.3, "rule_in": 0.9, f"{table.name}_f_25_44": 0.3,
        }  # fmt: skip
        (cell,) = site_thresholds.list_cells(session, rows.DIGEST, table.name)
        site_thresholds.verify(cell, sign)
        assert [entry.name for entry in site_thresholds.list_site_thresholds(session)] == [table.name]
        assert (
            site_thresholds.find_operating_point(session, session.get_one(Model, rows.DIGEST)) == table.name
        )
    with (
        database.write() as session,
        pytest.raises(PermanentError, match="women of 25 to 44 alone: activate the"),
    ):
        site_thresholds.switch_to(session, cell.calibration_id, "me@here")


def test_study_and_figures_say_which_threshold_it_was_and_why(
    database: Database, table: SiteThresholdEntry
) -> None:
    for uid, sex, score in (("1.1", "F", 0.4), ("1.2", "M", 0.4), ("1.3", None, 0.4)):
        name = pin(database, uid, sex, 30)
        with database.read() as session:
            threshold = (site_thresholds.find_points(session, rows.DIGEST, name) or {})["operating_points"][0]
        film = int(uid[-1])
        result = replace(
            rows.make_result(film, score), operating_point=name, threshold=threshold["threshold"]
        )
        with database.write() as session:
            assert screenings.begin_attempt(session, film) is not None
            assert screenings.record_result(session, result)
    with database.read() as session:
        told = [study_details.find_details(session, f"1.{number}.9") for number in (1, 2, 3)]
        words = [study.films[0].screening for study in told if study is not None]
        assert [screening and screening.threshold_for for screening in words] == [
            "threshold for women of 25 to 44 (812 enrolled)",
            "threshold for everybody: age or sex is not known, or in no group",
            "threshold for everybody: age or sex is not known, or in no group",
        ]
        assert session.get_one(Screening, 1).threshold == 0.3
        watched = watch_referral(session, 0.02)
        assert watched is not None
        assert watched.people == 3, "films of all cells are watched together"
