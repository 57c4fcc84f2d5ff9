"""A Chromium for the tests of each file, and a page on a reading room of three studies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from db.database import Database
from db.settings import DatabaseSettings
from tests.e2e.visitor import Visitor
from tests.servers.chromium import chromium
from tests.servers.page import serving_page
from tests.unit.web import reading_room
from web.application import build_application


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    made = Database.open(DatabaseSettings(url=f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"))
    reading_room.add_users(made)
    reading_room.fill(made, reading_room.MORNING[:3])
    yield made
    made.close()


@pytest.fixture
def visitor(browser: Browser, database: Database) -> Iterator[Visitor]:
    with serving_page(build_application(database, "1.2.3")) as url:
        made = Visitor(browser, url)
        made.log_in()
        yield made
        made.context.close()
