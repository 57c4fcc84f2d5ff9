"""The page over a database with three users."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from db.database import Database
from tests.unit.web import reading_room
from tests.unit.web.browsers import let_in
from web.application import build_application

HERE = "http://127.0.0.1:8080"


@pytest.fixture
def peopled(sqlite_database: Database) -> Database:
    """A database in which `rosa` reads, `max` manages and `ada` may do all."""
    reading_room.add_users(sqlite_database)
    return sqlite_database


@pytest.fixture
def stranger(peopled: Database) -> Iterator[TestClient]:
    """A browser on this machine that is not logged in."""
    with TestClient(build_application(peopled, "1.2.3"), base_url=HERE) as made:
        yield made


@pytest.fixture
def client(stranger: TestClient, peopled: Database) -> TestClient:
    """A browser in which `rosa` is logged in."""
    return let_in(stranger, peopled)
