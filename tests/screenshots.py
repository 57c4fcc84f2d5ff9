"""Pictures of the page for `docs/`: `python -m tests.screenshots docs/pictures`. All films are drawn."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from db.worklist.studies import StudyHeader
from dicom_gateway.spool import Spool
from domain.calibration_wishes import PlanWish
from reports.settings import ReportSettings
from tbscreen import __version__
from tbscreen.administration.local_installation import LocalInstallation
from tbscreen.processes.report_page import build_report_page
from tbscreen.settings import load_settings
from tests import spooled_films
from tests.servers.chromium import chromium
from tests.servers.page import serving_page
from tests.unit.web import reading_room, screened_programme
from web.application import build_application


def main(target: Path) -> None:
    """Fill a database, open the page in Chromium, write the pictures into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(DatabaseSettings(url=f"sqlite:///{folder}/tbscreen.sqlite3"))
        schema.upgrade(database)
        reading_room.add_users(database)
        reading_room.fill(database, side=1024)
        report = build_report_page(database, ReportSettings(timezone="UTC"), __version__)
        here = LocalInstallation(load_settings(data_directory=Path(folder)), database)
        here.host = "screening-1"
        application = build_application(database, __version__, render_report=report, installation=here)
        with serving_page(application) as url, chromium() as browser:
            for theme in ("light", "dark"):
                page = _open(browser, url, theme, 1366, 768)
                page.screenshot(path=target / f"worklist-{theme}.png")
                _show_study(page, url)
                page.screenshot(path=target / f"study-{theme}.png")
            page = _open(browser, url, "light", 820, 1180)
            _show_study(page, url)
            page.screenshot(path=target / "study-tablet.png")
            page = _open(browser, url, "dark", 1366, 768)
            _show_full_resolution(page, url, database, Path(folder))
            page.screenshot(path=target / "study-side-by-side.png")
            page = _open(browser, url, "light", 1366, 768, "max")
            page.goto(url + "/report")
            page.frame_locator("iframe").locator("h1").wait_for()
            page.screenshot(path=target / "report-light.png")
            page = _open(browser, url, "light", 1366, 768, "ada")
            page.goto(url + "/administration")
            page.screenshot(path=target / "administration.png")
        database.close()
        _show_calibration(target, Path(folder))


def _show_calibration(target: Path, folder: Path) -> None:
    """Write a picture of the analysis of a study, of people who do not exist."""
    database = Database.open(DatabaseSettings(url=f"sqlite:///{folder}/programme.sqlite3"))
    schema.upgrade(database)
    reading_room.add_users(database)
    truth = screened_programme.fill_programme(database)
    here = LocalInstallation(load_settings(data_directory=folder), database)
    shares = tuple(float(share) / 100 for share in screened_programme.SHARES.split(","))
    wish = PlanWish(prevalence=screened_programme.PREVALENCE, shares=shares)
    here.studies.start("north-2027", wish, "ada")
    screened_programme.begin_earlier(database)
    drawn = here.studies.list_people_to_test("north-2027")
    screened_programme.record_results(
        database, truth, [person.accession_number or "" for person in drawn[3:]]
    )
    application = build_application(database, __version__, installation=here)
    with serving_page(application) as url, chromium() as browser:
        page = _open(browser, url, "light", 1366, 1000, "ada")
        page.goto(url + "/calibration/1/analysis?sensitivity=85&by_group=yes")
        picture = page.frame_locator("iframe").locator("svg").first
        picture.wait_for()
        picture.scroll_into_view_if_needed()
        page.screenshot(path=target / "calibration.png")
    database.close()


def _open(browser: Browser, url: str, theme: str, width: int, height: int, name: str = "rosa") -> Page:
    page = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        timezone_id="Europe/Stockholm",
    ).new_page()
    page.goto(url)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(reading_room.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("time[title]")  # the script has run
    page.keyboard.press("j")
    return page


def _show_study(page: Page, url: str) -> None:
    page.goto(url + "/studies/1.2.1")
    page.wait_for_selector(".viewer[data-drawn]")
    page.keyboard.press("h")
    page.wait_for_selector(".viewer[data-drawn*=heat]")
    page.wait_for_selector("#read[data-state=ready]")


def _show_full_resolution(page: Page, url: str, database: Database, folder: Path) -> None:
    """Show two films side by side, one with the ruler, the other with the lens."""
    spool, study = (
        Spool(folder / "spool"),
        StudyHeader("1.2.99", patient_name="Nguyen^Linh", patient_id="P-7001"),
    )
    films = [
        spooled_films.receive_phantom(database, spool, folder, study, f"1.2.99.{seed}", seed)
        for seed in (1, 2)
    ]
    with spooled_films.drawing_tiles(database, spool):
        page.goto(f"{url}/studies/1.2.99?film={films[0]}&beside={films[1]}")
        page.wait_for_selector("#read[data-state=ready]")
        left, right = (stage.bounding_box() for stage in page.locator(".stage").all())
        assert left is not None
        assert right is not None
        page.mouse.move(left["x"] + left["width"] * 0.28, left["y"] + left["height"] * 0.62)
        page.keyboard.press("l")
        page.mouse.down()
        page.mouse.move(left["x"] + left["width"] * 0.72, left["y"] + left["height"] * 0.62)
        page.mouse.up()
        page.mouse.move(right["x"] + right["width"] * 0.37, right["y"] + right["height"] * 0.38)
        page.keyboard.down("m")
        page.get_by_text("Full resolution: the film's own pixels.").wait_for(timeout=60_000)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
