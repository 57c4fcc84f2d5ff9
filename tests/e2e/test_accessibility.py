"""The page in a real Chromium by axe-core, Deque's checker of accessibility, and its widths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from reports.settings import ReportSettings
from tbscreen.administration.local_installation import LocalInstallation
from tbscreen.processes.report_page import build_report_page
from tbscreen.settings import load_settings
from tests.e2e.visitor import Visitor
from tests.servers.page import serving_page
from tests.servers.peers.node_packages import need_package
from tests.unit.web import reading_room
from web.application import build_application

LOOKS = [(1366, 768, "light"), (768, 1024, "dark"), (390, 844, "light")]
"""Width, height and theme. The style sheet knows no width beyond 78 rem; a theme changes colours alone."""

PAGES = [
    "/",
    "/studies/1",
    "/studies/none",
    "/account",
    "/report",
    "/report/disagreements",
    "/patients",
    "/administration",
    "/administration/deliveries",
    "/administration/messages",
    "/administration/notices",
    "/administration/erasures",
    "/administration/audit",
    "/administration/settings",
    "/administration/models",
    f"/administration/models/{reading_room.DIGEST}",
    "/administration/users",
    "/administration/users/rosa",
    "/api/docs",
]

WIDTHS = (1366, 768, 390)

TOO_WIDE = """() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  const tables = [...document.querySelectorAll("main table")].filter((table) => {
    const [box, around] = [table.getBoundingClientRect(), table.parentElement];
    const style = getComputedStyle(around);
    return style.overflowX === "visible"
      && box.right > around.getBoundingClientRect().right - parseFloat(style.paddingRight) + 1;
  });
  const names = tables.map((table) => table.textContent.trim().slice(0, 60));
  return [...(scrollWidth > clientWidth ? [`the page: ${scrollWidth}`] : []), ...names];
}"""
"""Tables and pages that are wider than the window, or than the card about it where that does not scroll."""


@pytest.fixture(scope="module")
def axe() -> str:
    return read_axe()


def read_axe() -> str:
    """Return the script of axe-core."""
    _, folder = need_package("axe-core", "4.14.1")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def visitor(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    file = tmp_path_factory.mktemp("page") / "tbscreen.sqlite3"
    database = Database.open(DatabaseSettings(url=f"sqlite:///{file}"))
    schema.upgrade(database)
    reading_room.add_users(database)
    reading_room.fill(database)
    report = build_report_page(database, ReportSettings(timezone="UTC"), "1.2.3")
    here = LocalInstallation(load_settings(data_directory=file.parent), database)
    application = build_application(database, "1.2.3", render_report=report, installation=here)
    with serving_page(application) as url:
        yield Visitor(browser, url, "ada")
    database.close()


def list_violations(page: Page, axe: str, looks: Sequence[tuple[int, int, str]] = LOOKS) -> list[str]:
    """Return the violations in the looks, with the elements that they are of."""
    page.evaluate(axe)
    found = []
    for width, height, theme in looks:
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        answer: dict[str, Any] = page.evaluate(
            "() => axe.run(document, {iframes: false, resultTypes: ['violations']})"
        )
        found += [
            f"{page.url} {width}×{height} {theme}: {violation['id']} {node['html'][:120]}"
            for violation in answer["violations"]
            for node in violation["nodes"]
        ]
    return found


def test_axe_finds_nothing_on_any_page_theme_and_size(visitor: Visitor, axe: str) -> None:
    page = visitor.page
    page.goto(f"{visitor.url}/login")
    found = list_violations(page, axe)
    visitor.log_in()
    page.route("**/report/document*", lambda route: route.abort())  # a document of its own, seconds of work
    for path in PAGES:
        page.goto(visitor.url + path)
        if path == "/studies/1":
            page.wait_for_selector(".viewer[data-drawn]")
        found += list_violations(page, axe)
    for language in ("fr", "hi"):
        page.set_extra_http_headers({"Accept-Language": language})
        for path in PAGES[:4]:
            page.goto(visitor.url + path)
            assert page.locator("html").get_attribute("lang") == language
            found += list_violations(page, axe, LOOKS[:1])
    assert found == []


@pytest.mark.parametrize("language", ["en", "fr", "hi"])
def test_no_page_is_wider_than_the_window(visitor: Visitor, language: str) -> None:
    page = visitor.page
    visitor.context.clear_cookies()
    page.set_extra_http_headers({"Accept-Language": "en"})
    visitor.log_in()
    page.set_extra_http_headers({"Accept-Language": language})
    page.route("**/report/document*", lambda route: route.abort())  # it takes long, and scrolls by itself
    found = []
    for path in PAGES:
        if path != "/api/docs":  # in English alone
            page.goto(visitor.url + path)
            assert page.locator("html").get_attribute("lang") == language
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 768})
                found += [f"{path} {width}: {wide}" for wide in page.evaluate(TOO_WIDE)]
    page.unroute("**/report/document*")
    assert found == []
    page.goto(visitor.url)
    for name in page.locator(".worklist .open").all():
        box = name.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= WIDTHS[-1], "each name is on a telephone's screen"
