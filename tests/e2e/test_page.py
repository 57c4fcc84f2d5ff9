"""The page in a real Chromium: a reader's morning, from the login to the logout."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from db.worklist import reads
from tests.e2e.visitor import Visitor
from tests.servers.page import serving_page
from tests.unit.web import reading_room
from web.application import build_application

TABLET = {"width": 820, "height": 1180}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    file = tmp_path_factory.mktemp("page") / "tbscreen.sqlite3"
    made = Database.open(DatabaseSettings(url=f"sqlite:///{file}"))
    schema.upgrade(made)
    reading_room.add_users(made)
    reading_room.fill(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(database: Database) -> Iterator[str]:
    with serving_page(build_application(database, "1.2.3")) as served:
        yield served


@pytest.fixture
def visitor(browser: Browser, url: str) -> Iterator[Visitor]:
    made = Visitor(browser, url)
    yield made
    made.context.close()


def test_a_reader_s_morning(visitor: Visitor, database: Database) -> None:
    page = visitor.page
    visitor.try_to_log_in("not the password")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    visitor.complaints.clear()  # the browser complains of the 401
    visitor.log_in()

    names = page.locator("a.open")
    expect(names.first).to_have_text("Okafor, Chidi")
    expect(names.last).to_have_text("Costa, Rui")
    page.get_by_role("button", name="Patient").click()
    expect(names.first).to_have_text("Bauer, Jonas")
    page.get_by_role("button", name="Patient").click()
    expect(names.first).to_have_text("Tanaka, Yui")
    page.get_by_label("Priority").select_option("MEDIUM")
    page.get_by_role("button", name="Filter").click()
    expect(names).to_have_text(["Rao, Anjali", "Novak, Petr", "Costa, Rui"])
    page.get_by_role("link", name="Clear").click()
    expect(names).to_have_count(13)
    page.wait_for_selector("time[title]")  # the scripts have run

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(names.first).to_be_focused()
    page.keyboard.press("o")
    page.wait_for_url("**/studies/1")
    visitor.drawn("W 255 L 128 · 100 %")

    plain = visitor.pixel(0.34, 0.3)
    assert plain[0] == plain[1] == plain[2]
    page.keyboard.press("h")
    visitor.drawn("heat map 45 %")
    warm = visitor.pixel(0.34, 0.3)
    assert warm[0] > warm[2] + 20, "orange over the shadow"
    assert visitor.pixel(0.7, 0.7)[0] == visitor.pixel(0.7, 0.7)[2], "and grey elsewhere"
    expect(page.locator(".legend")).to_have_text("heat 0100 %outline: 60 %")
    stage = page.locator(".stage").bounding_box()
    assert stage is not None
    page.mouse.move(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] * 0.9)
    visitor.drawn("heat here")
    page.get_by_label("Heat map opacity").fill("90")
    visitor.drawn("heat map 90 %")
    assert visitor.pixel(0.34, 0.3)[0] - visitor.pixel(0.34, 0.3)[2] > warm[0] - warm[2]
    page.keyboard.press("h")

    page.keyboard.press("i")
    visitor.drawn("inverted")
    assert abs(255 - visitor.pixel(0.34, 0.3)[0] - plain[0]) <= 1
    page.keyboard.press("r")
    visitor.drawn("W 255 L 128 · 100 %")

    page.get_by_label("Comment").fill("infiltrate at the apex")
    page.keyboard.press("1")
    expect(page.get_by_label("Comment")).to_have_value("infiltrate at the apex1")
    page.keyboard.press("Backspace")
    page.keyboard.press("Escape")
    visitor.read("1")
    expect(page.get_by_role("status")).to_have_text("The read is saved.")
    expect(page.locator(".reads li")).to_have_count(1)
    expect(page.locator(".history li").first).to_contain_text("read as TB by rosa")
    visitor.read("3")
    expect(page.locator(".reads li")).to_have_count(2)
    with database.read() as session:
        now, former = reads.list_reads(session, "1.2.1")
    assert (now.verdict, former.verdict, former.comment) == ("unsure", "tb", "infiltrate at the apex")

    page.keyboard.press("j")
    page.wait_for_url("**/studies/2")
    page.keyboard.press("w")
    expect(names.first).to_have_text("Lindqvist, Maja")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    page.go_back()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()

    assert visitor.complaints == [], "no error, and nothing that the policy forbids"
    assert [address for address in visitor.asked if not address.startswith((visitor.url, "blob:"))] == []
    assert len(visitor.asked) > 20


def test_the_film_is_windowed_moved_and_zoomed_by_mouse(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.open("/studies/1.2.3")
    page = visitor.page
    box = page.locator("canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y - 50)
    page.mouse.up()
    visitor.drawn("W 155 L 93")
    page.get_by_role("button", name="Pan").click()
    before = visitor.pixel(0.5, 0.9)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 200)
    page.mouse.up()
    visitor.drawn("W 155 L 93")
    assert visitor.pixel(0.5, 0.9) != before
    page.mouse.wheel(0, -400)
    visitor.drawn("182 %")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 4000, y - 4000)
    page.mouse.up()
    page.keyboard.press("i")
    visitor.drawn("inverted")
    assert visitor.pixel(0.01, 0.01)[3] == 255, "a part of the film stays on the stage"
    page.keyboard.press("i")
    page.get_by_role("button", name="Reset").click()
    visitor.drawn("W 255 L 128 · 100 %")
    page.locator("canvas").focus()
    page.keyboard.press("ArrowLeft")
    visitor.drawn("W 247 L 128")


def test_news_comes_by_itself_and_a_dead_session_takes_the_page_away(
    visitor: Visitor, database: Database
) -> None:
    visitor.log_in()
    expect(visitor.page.locator("a.open").first).to_be_visible()
    count = visitor.page.locator("a.open").count()
    reading_room.receive_one(database, "1.2.77", "Late^Comer")
    expect(visitor.page.locator("a.open")).to_have_count(count + 1)
    visitor.context.clear_cookies()
    visitor.page.evaluate(
        "document.dispatchEvent(new Event('visibilitychange'))"
    )  # who comes back looks at once
    expect(visitor.page.get_by_role("button", name="Log in")).to_be_visible()


def test_on_a_tablet_everything_is_within_reach(browser: Browser, url: str) -> None:
    visitor = Visitor(browser, url, viewport=TABLET, has_touch=True, color_scheme="dark")
    visitor.log_in()
    visitor.page.locator("tr[data-study]").nth(1).tap()
    visitor.page.wait_for_selector(".viewer[data-drawn]")
    for path in ("/", "/studies/1.2.3"):
        visitor.page.goto(url + path)
        wide = visitor.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= TABLET["width"], path
    small = [
        name
        for button in visitor.page.locator("button:visible").all()
        if (box := button.bounding_box()) and (box["height"] < 40 or box["width"] < 30)
        for name in [button.inner_text()]
    ]
    assert small == [], "a finger is 40 pixels wide"
    visitor.context.close()


@pytest.mark.parametrize("path", ["/", "/studies/1.2.3", "/account", "/login"])
def test_whatever_can_be_used_has_a_name(visitor: Visitor, path: str) -> None:
    if path != "/login":
        visitor.log_in()
    visitor.page.goto(visitor.url + path)
    nameless = visitor.page.evaluate(
        """() => [...document.querySelectorAll(
        "button, a[href], input:not([type=hidden]), select, textarea, canvas, iframe, svg[role=img]")]
        .filter((one) => !(one.getAttribute("aria-label") || one.labels?.[0]?.textContent.trim()
          || one.textContent.trim() || one.title)).map((one) => one.outerHTML)"""
    )
    assert nameless == []
    assert visitor.page.evaluate("document.documentElement.lang") == "en"
    assert visitor.page.title() != ""
