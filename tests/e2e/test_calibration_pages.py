"""A calibration study in a real Chromium, from its plan to the threshold that it gives."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from tbscreen.administration.local_installation import LocalInstallation
from tbscreen.settings import load_settings
from tests.e2e.test_accessibility import list_violations
from tests.e2e.visitor import Visitor
from tests.servers.chromium import chromium
from tests.servers.page import serving_page
from tests.servers.peers.node_packages import need_package
from tests.unit.web import reading_room, screened_programme
from web.application import build_application


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database.open(DatabaseSettings(url=f"sqlite:///{tmp_path}/tbscreen.sqlite3"))
    schema.upgrade(made)
    reading_room.add_users(made)
    yield made
    made.close()


def test_a_study_is_planned_run_analysed_and_closed(database: Database, tmp_path: Path) -> None:
    truth = screened_programme.fill_programme(database)
    _, folder = need_package("axe-core", "4.14.1")
    axe = (folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    found: list[str] = []
    here = LocalInstallation(load_settings(data_directory=tmp_path), database)
    with serving_page(build_application(database, "1.2.3", installation=here)) as url, chromium() as browser:
        visitor = Visitor(browser, url, "ada")
        page = visitor.page

        def look(name: str) -> None:
            """Note what axe finds; pictures go where a person asks for them."""
            if pictures := os.environ.get("PICTURES"):
                page.set_viewport_size({"width": 1366, "height": 768})
                page.screenshot(path=Path(pictures) / f"calibration-{name}.png", full_page=True)
            found.extend(list_violations(page, axe))

        visitor.log_in()
        page.get_by_role("link", name="Calibration").click()
        page.get_by_label("Expected prevalence").fill("20")
        page.get_by_label("People to test in each score band").fill(screened_programme.SHARES)
        page.get_by_role("button", name="Show the plan").click()
        expect(page.get_by_text("interval of the sensitivity, expected at")).to_be_visible()
        look("plan")
        page.get_by_label("Name of the study").fill("north-2027")
        page.get_by_role("button", name="Start the study").click()
        expect(page.get_by_text("each person is enrolled")).to_be_visible()
        page.get_by_role("button", name="Start the study").click()
        expect(page.get_by_role("heading", name="Calibration study north-2027")).to_be_visible()
        screened_programme.begin_earlier(database)

        page.get_by_role("link", name="People to test").click()
        waiting = page.locator("tbody tr")
        expect(waiting.first).to_be_visible()
        drawn = [person.accession_number or "" for person in here.studies.list_people_to_test("north-2027")]
        waiting.first.get_by_text("Enter the result").click()
        waiting.first.locator("select[name=result]").select_option(
            "positive" if truth[drawn[0]] else "negative"
        )
        waiting.first.get_by_label("Specimen of").fill(f"{screened_programme.now():%Y-%m-%d}")
        look("tests")
        waiting.first.get_by_role("button", name="Enter").click()
        expect(page.get_by_role("status")).to_have_text("The result is recorded.")
        expect(page.get_by_text(f"50 of {len(drawn) - 1} people are shown")).to_be_visible()
        page.get_by_label("Patient ID or accession number").fill(drawn[1])
        page.get_by_role("button", name="Find").click()
        expect(waiting).to_have_count(1)
        screened_programme.record_results(database, truth, drawn[4:])
        page.get_by_role("link", name="Progress").click()
        expect(page.get_by_text(f"{len(drawn) - 3} of them with a result")).to_be_visible()
        look("progress")

        page.get_by_role("link", name="Analysis", exact=True).click()
        page.get_by_label("Sensitivity at least").fill("85")
        page.get_by_label("By age and sex").check()
        page.get_by_role("button", name="Analyse").click()
        document = page.frame_locator("iframe")
        expect(document.get_by_role("heading", name="Other demands")).to_be_visible()
        expect(document.locator("svg").first).to_be_visible()
        look("analysis")
        page.get_by_label("Reason").fill("all results are in")
        page.get_by_role("button", name="Close and keep").click()
        expect(page.get_by_text("a sensitivity of at least 85 %")).to_be_visible()
        page.get_by_role("button", name="Close the study").click()
        expect(page.get_by_text("of the calibration study north-2027")).to_be_visible()
        assert visitor.complaints == []
        visitor.context.close()
    assert found == []
