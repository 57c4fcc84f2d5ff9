"""The managers' report on the page: the one of the command, in a frame that runs nothing."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import cast

import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from db.database import Database
from db.worklist import reads
from domain.codes import Verdict
from domain.roles import Permission, Role
from reports.settings import ReportSettings
from tbscreen.processes.report_page import build_report_page
from tests.unit.web import reading_room
from tests.unit.web.browsers import let_in
from tests.unit.web.conftest import HERE
from tests.unit.web.rest.test_rest import issue
from web.application import build_application


class HeldDatabase:
    """A database in which a reading session begins when the test says so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads, self.goes_on = threading.Event(), threading.Event()

    @contextmanager
    def read(self, *, frozen: bool = False) -> Iterator[Session]:
        self.reads.set()
        assert self.goes_on.wait(timeout=30)
        with self._database.read(frozen=frozen) as session:
            yield session


def test_a_second_report_at_the_same_time_is_refused_at_once(peopled: Database) -> None:
    held = HeldDatabase(peopled)
    report = build_report_page(cast(Database, held), ReportSettings(timezone="UTC"), "1.2.3")
    application = build_application(peopled, "1.2.3", render_report=report)
    token = issue(peopled, "ada")
    with TestClient(application, base_url=HERE) as client, ThreadPoolExecutor(1) as pool:
        let_in(client, peopled, "max")
        first = pool.submit(client.get, "/api/v1/report", headers=token)
        try:
            assert held.reads.wait(timeout=30)
            second, page = client.get("/api/v1/report", headers=token), client.get("/report/document")
        finally:
            held.goes_on.set()
        assert (second.status_code, second.headers["retry-after"]) == (429, "10")
        assert second.json()["detail"] == "another report is being made; ask again in a moment."
        assert (page.status_code, page.headers["x-frame-options"]) == (429, "SAMEORIGIN")
        assert first.result(timeout=60).status_code == 200
        assert client.get("/api/v1/report", headers=token).status_code == 200, "and the next one is made"


@pytest.fixture
def manager(peopled: Database) -> Iterator[TestClient]:
    """A browser in which `max`, a manager, is logged in."""
    reading_room.fill(peopled)
    report = build_report_page(peopled, ReportSettings(timezone="UTC"), "1.2.3")
    with TestClient(build_application(peopled, "1.2.3", render_report=report), base_url=HERE) as made:
        yield let_in(made, peopled, "max")


def test_a_manager_sees_the_report_in_a_frame_that_runs_nothing(manager: TestClient) -> None:
    page = manager.get("/report?by=station").text
    frame = re.search(r'<iframe[^>]* src="([^"]+)"', page)
    assert frame is not None
    document = manager.get(html.unescape(frame[1]))
    assert document.status_code == 200
    assert "Films received" in document.text
    assert "ROOM1" in document.text, "by station"
    assert "Okafor" not in document.text
    policy = document.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert document.headers["x-frame-options"] == "SAMEORIGIN"
    assert "content-disposition" not in document.headers


def test_a_report_of_the_days_shown_is_saved_in_each_form(manager: TestClient) -> None:
    page = manager.get("/report?by=station").text
    offered = re.findall(r'<button formaction="(/report/document)" name="form" value="(\w+)">', page)
    assert [form for _, form in offered] == ["pdf", "csv", "json"]
    begins = {"pdf": b"%pdf-", "csv": b"section,", "json": b"{", "html": b"<!doctype html>"}
    for form, begin in begins.items():
        days = {"from": "2026-11-01", "to": "2026-11-30", "by": "", "form": form, "download": "1"}
        saved = manager.get("/report/document", params=days)
        assert saved.content.lower().startswith(begin), saved.content[:40]
        name = f'attachment; filename="tbscreen-2026-11-01-2026-11-30.{form}"'
        assert saved.headers["content-disposition"] == name
        assert saved.headers["content-type"].split(";")[0].endswith(form)
    assert manager.get("/report/document?form=exe").status_code == 400


def test_a_manager_sees_what_is_unread_now_by_site(manager: TestClient) -> None:
    page = manager.get("/report").text
    (row,) = re.findall(r"<tr><td>(.+?)</td><td[^>]*>(\d+)</td>.*?<td[^>]*>(\d+)</td>", page)
    assert row == ("AE title MODALITY", "3", "11")
    assert 'href="/?read=no&amp;priority=HIGH"' in page
    assert "Okafor" not in page


def test_disagreements_open_their_studies(manager: TestClient, peopled: Database) -> None:
    with peopled.write() as session:
        reads.record(session, "1.2.1", Verdict.NOT_TB, "rosa")
        reads.record(session, "1.2.8", Verdict.TB, "rosa")
    page = manager.get("/report/disagreements").text
    assert re.findall(r'href="/studies/(\d+)"', page) == ["8", "1", "12"]
    assert "TB by reader, below the AI's threshold" in html.unescape(page)
    assert "Tanaka" not in page
    assert manager.get("/report/disagreements?from=x").status_code == 400
    let_in(manager, peopled, "rosa")
    assert manager.get("/report/disagreements").status_code == 403


def test_an_analyst_sees_figures_and_no_study_patient_or_film(manager: TestClient, peopled: Database) -> None:
    reading_room.add_user(peopled, "ann", Role.ANALYST)
    analyst = let_in(manager, peopled, "ann")
    first = analyst.get("/", follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, "/report")
    page = analyst.get("/report").text
    assert "Unread now" in page
    assert 'href="/"' not in page.split("</nav>")[0].split("<nav")[1]
    assert "/studies/" not in page
    assert "Disagreements" not in page
    for form in ("html", "csv", "json", "pdf"):
        saved = analyst.get("/report/document", params={"form": form})
        assert saved.status_code == 200
        assert not any(name in saved.text for name in ("Okafor", "P-4137", "A20260001"))
    refused = ["/report/disagreements", "/studies/1", "/studies/1/films/1/film.jpg", "/studies/ahead"]
    refused += ["/patients", "/administration"]
    for path in refused:
        assert analyst.get(path).status_code in (403, 404), path
        assert "Okafor" not in analyst.get(path).text
    for path in ("/studies/1", "/studies/1/films/1/film.jpg", "/report/disagreements"):
        assert analyst.get(path).status_code == 403
    for program in ("worklist", "studies/1.2.1"):
        token = issue(peopled, "ann", {Permission.REPORT})
        assert analyst.get(f"/api/v1/{program}", headers=token).status_code == 403


@pytest.mark.parametrize(
    "query", ["from=2026-11-30&to=2026-11-01", "from=x", "by=<script>", "from=0001-01-01&to=0001-01-02"]
)
def test_days_of_which_there_is_no_report_are_told(manager: TestClient, query: str) -> None:
    answer = manager.get(f"/report/document?{query}")
    assert answer.status_code in (200, 400)
    assert "<script>" not in answer.text
    if query != "from=0001-01-01&to=0001-01-02":
        assert answer.status_code == 400
