"""Values of a film for reports: institution, also of earlier films, and greys."""

from __future__ import annotations

import pytest

from db import schema
from db.database import Database
from db.films import films
from db.tables import Instance
from domain.array.array_statistics import ArrayStatistics
from tests.unit import rows


def test_institutions_of_films_that_are_there_come_from_their_headers(empty_database: Database) -> None:
    schema.upgrade(empty_database)
    headers = (
        {"00080080": {"vr": "LO", "Value": ["North Clinic"]}},
        {"00080080": {"vr": "LO", "Value": ["  "]}},
        {"00080080": {"vr": "LO"}},
        {},
    )
    for number, header in enumerate(headers):
        rows.receive(empty_database, f"1.2.{number}", header=header, institution_name="lost on the way")
    schema.downgrade(empty_database, "0005")
    schema.upgrade(empty_database)
    with empty_database.read() as session:
        found = [instance.institution_name for instance in session.query(Instance).order_by(Instance.id)]
    assert found == ["North Clinic", None, None, None]


def test_the_greys_of_a_film_are_kept_with_its_preparation(database: Database) -> None:
    instance_id = rows.receive(database, institution_name="North Clinic").instance_id
    assert rows.read_film(database, instance_id).array_mean is None
    with database.write() as session:
        films.record_preparation(session, instance_id, b"\xff\xd8", (), ArrayStatistics(0.5, 0.25, 0.125))
    film = rows.read_film(database, instance_id)
    assert (film.array_mean, film.array_deviation, film.array_dark) == pytest.approx((0.5, 0.25, 0.125))
    assert film.institution_name == "North Clinic"
