"""Pages that stand open in a real Chromium while something changes, or while an answer fails."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, Route, expect
from sqlalchemy import update

from db.database import Database
from db.tables import Study
from db.worklist import reads
from tests.e2e.visitor import Visitor
from tests.servers.ports import wait_until
from tests.unit.web import reading_room
from web.pages import worklist_page

LOOK = "document.dispatchEvent(new Event('visibilitychange'))"
"""A page that is seen again renews itself at once."""
AHEAD = "sessionStorage.getItem('tbscreen-ahead')"


def test_an_open_study_shows_the_patient_to_whom_it_was_given(visitor: Visitor, database: Database) -> None:
    page = visitor.page
    visitor.open("/studies/1")
    expect(page.get_by_role("heading", name="Okafor, Chidi")).to_be_visible()
    with database.write() as session:
        given = {"patient_name": "Ibrahim^Zainab", "patient_id": "P-9000"}
        session.execute(update(Study).where(Study.study_instance_uid == "1.2.1").values(given))
    page.evaluate(LOOK)
    expect(page.get_by_role("heading", name="Ibrahim, Zainab")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("P-9000")


def test_a_heat_map_that_does_not_come_is_told_and_asked_for_again(visitor: Visitor) -> None:
    page, asked = visitor.page, list[Route]()

    def refuse(route: Route) -> None:
        asked.append(route)
        route.fulfill(status=503, body="busy")

    page.route("**/heat.json", refuse)
    visitor.open("/studies/1")
    visitor.wait_until_ready()
    page.keyboard.press("h")
    visitor.drawn("no heat map: no answer")
    page.unroute("**/heat.json")
    page.keyboard.press("h")
    page.keyboard.press("h")
    visitor.drawn("heat map 45 %")
    assert not [said for said in visitor.complaints if "503" not in said]


def test_the_time_that_a_study_waits_goes_on_while_nothing_changes(visitor: Visitor) -> None:
    page = visitor.page
    page.clock.install()
    page.goto(visitor.url)
    waits = page.locator("[data-since]").first
    expect(waits).to_contain_text("min")
    page.clock.run_for(3 * 3600 * 1000)
    expect(waits).to_contain_text("waits 3 h")


def test_next_leads_to_each_study_once_over_all_pages(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist_page, "ROWS", 2)
    page = visitor.page
    page.reload()
    expect(page.locator("a.open")).to_have_count(2)
    page.locator("a.open").first.click()
    page.get_by_label("go on to the next study").check()
    visited = [page.url]
    for _ in range(2):
        visitor.read("2")
        page.wait_for_url(lambda url: url != visited[-1])
        visited.append(page.url)
    visitor.read("2")
    expect(page.get_by_role("status")).to_have_text("The read is saved.")
    assert len(set(visited)) == 3


def test_an_undone_read_gives_its_comment_back(visitor: Visitor, database: Database) -> None:
    page = visitor.page
    visitor.open("/studies/1")
    page.get_by_label("go on to the next study").check()
    page.get_by_label("Comment").fill("cavity, right apex")
    page.keyboard.press("Escape")
    visitor.read("2")
    page.wait_for_url("**/studies/2")
    visitor.wait_until_ready()
    page.keyboard.press("z")
    page.wait_for_url("**/studies/1")
    expect(page.get_by_role("status")).to_have_text("The read is undone.")
    expect(page.get_by_label("Comment")).to_have_value("cavity, right apex")
    visitor.read("1")
    page.wait_for_url("**/studies/2")
    with database.read() as session:
        newest = reads.list_reads(session, "1.2.1")[0]
    assert (newest.verdict, newest.comment) == ("tb", "cavity, right apex")


def test_a_page_whose_read_is_on_its_way_is_not_left_without_a_question(
    visitor: Visitor, database: Database
) -> None:
    page, held, asked = visitor.page, list[Route](), list[str]()

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.route("**/studies/1/reads", lambda route: held.append(route))
    visitor.open("/studies/1")
    visitor.read("1")
    page.wait_for_selector("#read[data-state=sending]")
    with page.expect_event("dialog"):
        page.keyboard.press("j")
    held[0].continue_()
    expect(page.get_by_role("status")).to_have_text("The read is saved.")
    page.keyboard.press("j")
    page.wait_for_url("**/studies/2")
    assert asked == ["beforeunload"]
    with database.read() as session:
        assert len(reads.list_reads(session, "1.2.1")) == 1


def test_a_comment_stands_still_while_its_read_is_on_its_way(visitor: Visitor, database: Database) -> None:
    page, held = visitor.page, list[Route]()
    page.route("**/studies/1/reads", lambda route: held.append(route))
    visitor.open("/studies/1")
    visitor.read("1")
    page.wait_for_selector("#read[data-state=sending]")
    page.get_by_label("Comment").focus()
    page.keyboard.type("apex")
    held[0].continue_()
    expect(page.get_by_role("status")).to_have_text("The read is saved.")
    with database.read() as session:
        (read,) = reads.list_reads(session, "1.2.1")
    expect(page.get_by_label("Comment")).to_have_value(read.comment or "")
    page.get_by_label("Comment").fill("apex")


def test_films_fetched_ahead_before_another_login_are_fetched_again(
    visitor: Visitor, database: Database
) -> None:
    page = visitor.page
    visitor.open("/studies/1")
    wait_until(lambda: "/studies/2/" in (page.evaluate(AHEAD) or ""), what="the next film, fetched ahead")
    page.goto("about:blank")
    visitor.context.clear_cookies()
    tab = visitor.context.new_page()  # the same reader logs in again in another tab
    tab.goto(visitor.url)
    tab.get_by_label("Name").fill("rosa")
    tab.get_by_label("Password").fill(reading_room.PASSWORD)
    tab.get_by_role("button", name="Log in").click()
    tab.wait_for_selector("time[title]")
    visitor.open("/studies/2")
    visitor.read("2")
    expect(page.get_by_role("status")).to_have_text("The read is saved.")
    with database.read() as session:
        assert len(reads.list_reads(session, "1.2.2")) == 1
