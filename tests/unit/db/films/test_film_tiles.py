"""Tiles are asked for and answered in the database, a few at a time, and go with their film."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from db.clock import now
from db.database import Database
from db.erasure.dependent_rows import delete_with_dependents
from db.films import film_tiles, films, spooled_files
from db.films.film_tiles import (
    GIVE_UP,
    KEPT,
    MOST_WAITING,
    FileGoneError,
    NoPictureError,
    TileAnswer,
    TilesBusyError,
    WaitingTile,
)
from db.tables import FilmTile, Instance
from domain.viewing.film_tile import TileFailure, TileView
from tests.unit import rows

VIEW = TileView(left=0, top=0, columns=10, rows=10)


@pytest.fixture
def film(database: Database) -> int:
    rows.register_model(database)
    found = rows.receive(database).instance_id
    with database.write() as session:
        films.record_preparation(session, found, b"jpeg", [])
    return found


def ask(database: Database, film: int, study: str = "1.2.3") -> int:
    with database.write() as session:
        return film_tiles.ask(session, study, film, VIEW)


def find_waiting(database: Database, gateway: str = rows.GATEWAY) -> list[WaitingTile]:
    with database.read() as session:
        return film_tiles.list_waiting(session, gateway)


def list_waiting(database: Database, gateway: str = rows.GATEWAY) -> list[int]:
    return [tile.tile_id for tile in find_waiting(database, gateway)]


def test_a_gateway_answers_what_pages_wait_for(database: Database, film: int) -> None:
    first, second = ask(database, film), ask(database, film)
    assert (list_waiting(database), list_waiting(database, "another")) == ([first, second], [])
    for tile, answer in (
        (first, TileAnswer(b"jpeg", None)),
        (second, TileAnswer(None, TileFailure.FILE_GONE)),
    ):
        with database.read() as session:
            assert film_tiles.find_answer(session, tile) is None
        with database.write() as session:
            film_tiles.answer(session, find_waiting(database)[0], answer)
        with database.read() as session:
            assert film_tiles.find_answer(session, tile) == answer
    assert list_waiting(database) == []


def test_no_tile_of_a_film_without_picture_or_file_or_of_another_study(database: Database, film: int) -> None:
    without = rows.receive(database, "1.2.3.2").instance_id
    for wrong, study in ((without, "1.2.3"), (film, "1.2.4"), (99, "1.2.3")):
        with pytest.raises(NoPictureError):
            ask(database, wrong, study)
    with database.write() as session:
        spooled_files.forget_file(session, film)
    with pytest.raises(FileGoneError):
        ask(database, film)


def test_no_more_wait_than_a_gateway_draws_and_none_for_ever(database: Database, film: int) -> None:
    for _ in range(MOST_WAITING):
        ask(database, film)
    with pytest.raises(TilesBusyError):
        ask(database, film)
    for age, left in ((GIVE_UP, MOST_WAITING + 1), (KEPT, 1)):
        with database.write() as session:
            session.execute(update(FilmTile).values(asked_at=now() - age - timedelta(seconds=1)))
        assert list_waiting(database) == []
        ask(database, film)
        with database.read() as session:
            assert session.scalar(select(func.count()).select_from(FilmTile)) == left


def test_tiles_go_with_their_film_and_are_not_answered_then(database: Database, film: int) -> None:
    ask(database, film)
    (tile,) = find_waiting(database)
    with database.write() as session:
        gone = delete_with_dependents(session, Instance.id, [film])
        film_tiles.answer(session, tile, TileAnswer(b"jpeg", None))
    assert gone["film_tiles"] == 1
    assert list_waiting(database) == []


def test_a_late_answer_is_not_that_of_the_request_with_its_number(database: Database, film: int) -> None:
    """Another patient's film would be in the viewer."""
    ask(database, film)
    (late,) = find_waiting(database)
    with database.write() as session:
        session.execute(update(FilmTile).values(asked_at=now() - KEPT - timedelta(seconds=1)))
    waiting = ask(database, film)
    with database.write() as session:
        film_tiles.answer(session, late, TileAnswer(b"jpeg", None))
        assert film_tiles.find_answer(session, waiting) is None
