"""OHIF with tbscreen as its data source: its list of studies, a study's film, our picture and our SR."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from db.database import Database
from tests.checkout import DOCS
from tests.integration.dicomweb.held_study import holding
from tests.integration.viewers.drawn_study import STUDY, draw_study
from tests.servers.chromium import chromium
from tests.servers.ohif import HEIGHT, WIDTH, find_pages, serving_ohif, wait_for_film

pytestmark = pytest.mark.timeout(300)


def test_ohif_opens_our_worklist_and_a_study(sqlite_database: Database, tmp_path: Path) -> None:
    find_pages()  # skips
    film = draw_study(tmp_path).film
    with (
        holding(sqlite_database, tmp_path / "spool", [film]) as held,
        serving_ohif(f"http://127.0.0.1:{held.port}", held.token) as url,
        chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.add_init_script("localStorage.setItem('shownTours', JSON.stringify(['basicViewerTour']))")
        page.goto(url)
        row = page.locator("tr", has_text="Phantom, Drawn").first
        row.wait_for(timeout=90_000)
        shown = row.inner_text()
        assert "06-May-2024" in shown
        assert "CR\\OT\\PR\\SR" in shown
        page.screenshot(path=tmp_path / "ohif-worklist.png")

        page.goto(f"{url}/viewer?StudyInstanceUIDs={STUDY}")
        wait_for_film(page)
        thumbnails = page.locator("[data-cy=study-browser-thumbnail]")
        assert thumbnails.count() == 2, "the film and our picture"
        page.locator("[data-cy=study-browser-thumbnail-no-image]").first.wait_for()
        page.screenshot(path=tmp_path / "ohif-study.png")
    for name in ("ohif-worklist", "ohif-study"):
        redraw(tmp_path / f"{name}.png", DOCS / "pictures" / f"{name}.jpg")


def redraw(picture: Path, target: Path) -> None:
    """Write a picture into the docs, where REDRAW is set."""
    if os.environ.get("REDRAW"):
        image = Image.open(picture).convert("RGB")
        image.thumbnail((900, 900))
        image.save(target, quality=80)
