"""Files that a gateway holds, and files that may be deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from db.clock import now
from db.database import Database
from db.delivery import deliveries
from db.films import films, spooled_files
from db.films.spooled_files import SpooledFilm
from db.tables import Delivery
from domain.codes import Refusal
from tests.unit import rows


def test_the_file_of_a_refused_film_may_go(database: Database) -> None:
    instance_id = _refuse(database, "1.2.3.1")
    assert _list_done(database) == [SpooledFilm(instance_id, "00/1.2.3.1.dcm", 1000)]


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(0)])
def test_only_films_done_before_the_given_time_go(database: Database, age: timedelta) -> None:
    _refuse(database, "1.2.3.1")
    with database.read() as session:
        done = spooled_files.list_done(session, rows.GATEWAY, now() - age, 9)
    assert len(done) == (0 if age else 1)


def test_a_film_that_waits_to_be_screened_or_reported_or_delivered_keeps_its_file(database: Database) -> None:
    rows.register_model(database)
    instance_id = rows.receive(database).instance_id
    assert _list_done(database) == []
    rows.queue(database, instance_id)
    assert _list_done(database) == []
    rows.screen(database, instance_id)
    assert _list_done(database) == []
    rows.report(database, ["first", "second"])
    assert _list_done(database) == []
    first, second = _read_delivery_ids(database)
    with database.write() as session:
        deliveries.mark_delivered(session, first)
    assert _list_done(database) == []
    with database.write() as session:
        deliveries.park(session, second, "0xA900")
    assert [film.instance_id for film in _list_done(database)] == [instance_id]


def test_a_file_that_went_is_forgotten_and_no_longer_counted(database: Database) -> None:
    first, second = _refuse(database, "1.2.3.1"), _refuse(database, "1.2.3.2")
    with database.write() as session:
        assert spooled_files.count_spooled_bytes(session, rows.GATEWAY) == 2000
        spooled_files.forget_file(session, first)
    assert [film.instance_id for film in _list_done(database)] == [second]
    with database.read() as session:
        assert spooled_files.count_spooled_bytes(session, rows.GATEWAY) == 1000


def test_a_gateway_sees_only_its_own_files(database: Database) -> None:
    _refuse(database, "1.2.3.1", gateway="another")
    assert _list_done(database) == []
    with database.read() as session:
        assert spooled_files.count_spooled_bytes(session, rows.GATEWAY) == 0
        assert spooled_files.count_spooled_bytes(session, "another") == 1000


def test_the_oldest_go_first(database: Database) -> None:
    refused = [_refuse(database, f"1.2.3.{number}") for number in (1, 2, 3)]
    assert [film.instance_id for film in _list_done(database, limit=2)] == refused[:2]


def _refuse(database: Database, uid: str, **changes: str) -> int:
    instance_id = rows.receive(database, uid, **changes).instance_id
    with database.write() as session:
        films.refuse(session, instance_id, Refusal.NOT_CHEST, "a hand")
    return instance_id


def _list_done(database: Database, limit: int = 9) -> list[SpooledFilm]:
    with database.read() as session:
        return spooled_files.list_done(session, rows.GATEWAY, now(), limit)


def _read_delivery_ids(database: Database) -> list[int]:
    with database.read() as session:
        return list(session.scalars(select(Delivery.id).order_by(Delivery.id)))
