"""Blinded reading by two readers at once in Chromium, on a slow line, with an ended login in between.

    python -m tests.e2e.blinded_session [--studies 30]

Each reader reads as many studies, by keys and with Next. It ends when the database holds each read once, as
blinded and of the film that was drawn. All films are drawn by code.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, expect
from sqlalchemy import delete, update

from db import schema
from db.clock import now
from db.database import Database
from db.settings import DatabaseSettings
from db.tables import Instance, Read, Study, WebSession
from domain.codes import ReadOrigin
from tests.e2e.visitor import Visitor
from tests.servers.chromium import chromium
from tests.servers.page import serving_page
from tests.unit.web import reading_room
from web.application import build_application
from web.settings import WebSettings

READERS: Final = {"rosa": "ROOM2", "ben": "ROOM1"}
"""The readers, each with the station whose films are read."""

SLOW: Final = {"offline": False, "latency": 200, "downloadThroughput": 60_000, "uploadThroughput": 20_000}
"""Milliseconds, and bytes a second: about a mobile network of the third generation."""

PASSWORD_FIELD: Final = "input[name=password]"
READY: Final = "#read[data-state=ready]"
PATIENCE_MS: Final = 120_000


class Reader:
    """A reader with a slow line, who reads with keys and goes on with Next."""

    def __init__(self, browser: Browser, url: str, name: str, station: str) -> None:
        self.visitor = Visitor(browser, url, name)
        self.page = self.visitor.page
        self.page.set_default_timeout(PATIENCE_MS)
        self.visitor.log_in()
        line = self.visitor.context.new_cdp_session(self.page)
        line.send("Network.enable")
        line.send("Network.emulateNetworkConditions", SLOW)
        self.page.goto(f"{url}/?station={station}&read=no")
        self.page.locator("a.open").first.click()
        self.visitor.wait_until_ready()
        self.page.get_by_label("go on to the next study").check()
        self.given: dict[int, str] = {}
        """Verdicts by study, as they were given."""
        self.study = 0
        """The study of the last verdict."""

    def press(self) -> None:
        """Give a verdict as soon as the page takes it; log in first where the login has ended."""
        while True:
            self.page.wait_for_selector(f"{READY}, {PASSWORD_FIELD}")
            shown = self.page.locator("[data-live=result]").all_inner_texts()  # none at a login
            if shown:
                break
            self._log_in()
        assert shown[0].endswith("when your read is stored.")
        self.study = int(self.page.url.rpartition("/")[2].partition("?")[0])
        key, verdict = ("1", "tb") if self.study % 2 else ("2", "not_tb")
        self.given[self.study] = verdict
        self.page.keyboard.press(key)

    def go_on(self, *, is_last: bool) -> None:
        """Wait for the next study, and read again what an ended login did not take."""
        while True:
            if is_last:
                self.page.wait_for_selector(f".scale, {PASSWORD_FIELD}")
                is_over = self.page.locator(PASSWORD_FIELD).count() == 0
            else:
                self.page.wait_for_url(lambda url: not url.endswith(f"/studies/{self.study}"))
                is_over = "/login" not in self.page.url
            if is_over:
                return
            self.press()

    def _log_in(self) -> None:
        expect(self.page.get_by_text("Your session ended. Log in again")).to_be_visible()
        self.page.get_by_label("Name").fill(self.visitor.name)
        self.page.get_by_label("Password").fill(reading_room.PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url("**/studies/*")


@contextmanager
def opened(folder: Path, studies: int, side: int) -> Iterator[Database]:
    """Open a database with so many screened studies for each reader, all unread."""
    database = Database.open(DatabaseSettings(url=f"sqlite:///{folder}/tbscreen.sqlite3"))
    schema.upgrade(database)
    reading_room.add_users(database)
    reading_room.add_reader(database, "ben")
    screened = [person for person in reading_room.MORNING if person.score is not None and not person.verdict]
    count = studies * len(READERS)
    people = tuple(screened[number % len(screened)] for number in range(count))
    reading_room.fill(database, people, side=side)
    with database.write() as session:  # the room lets its later films come in the future
        session.execute(update(Instance).values(received_at=now() - timedelta(hours=1)))
    yield database
    database.close()


def read_all(browser: Browser, database: Database, studies: int) -> None:
    """Let both readers read their studies at once; their logins end after half of them."""
    application = build_application(database, "1.2.3", WebSettings(blinded_reading=True))
    with serving_page(application) as url:
        readers = [Reader(browser, url, name, station) for name, station in READERS.items()]
        for number in range(1, studies + 1):
            for reader in readers:
                reader.press()
            for reader in readers:
                reader.go_on(is_last=number == studies)
            if number == studies // 2:
                with database.write() as session:
                    session.execute(delete(WebSession))
        check(database, readers, studies)
        for reader in readers:
            heat = {address for address in reader.visitor.asked if address.endswith("heat.json")}
            assert all(f"/studies/{reader.study}/" in address for address in heat), "only after the last read"
            reader.visitor.context.close()


def check(database: Database, readers: list[Reader], studies: int) -> None:
    """Compare the reads of the database with the verdicts that were given, and the films that were drawn."""
    with database.read() as session:
        reads = session.query(Read).all()
        films = {film.study_id: film.id for film in session.query(Instance)}
        stations = {film.study_id: film.station_name for film in session.query(Instance)}
        unread = session.query(Study).filter(Study.is_read.is_(False)).count()
    assert len(reads) == studies * len(READERS)
    assert unread == 0
    for reader in readers:
        own = [read for read in reads if read.reader == reader.visitor.name]
        assert {read.study_id: read.verdict for read in own} == reader.given
        assert len(own) == len(reader.given) == studies
        assert {stations[read.study_id] for read in own} == {READERS[reader.visitor.name]}
    for read in reads:
        assert (read.blinded, read.origin, read.withdrawn_at) == (True, ReadOrigin.PAGE, None)
        assert read.shown_films == [films[read.study_id]]


def main() -> None:
    """Run it once, and print what was read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--studies", type=int, default=30, help="for each reader (default: %(default)s)")
    studies = parser.parse_args().studies
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(Path(folder), studies, 1024) as database,
        chromium() as browser,
    ):
        read_all(browser, database, studies)
    sys.stdout.write(
        f"{studies * len(READERS)} blinded reads by {len(READERS)} readers in "
        f"{time.monotonic() - began:.0f} s: each of the film that was drawn, none lost, none doubled\n"
    )


if __name__ == "__main__":
    main()
