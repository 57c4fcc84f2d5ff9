"""The viewer in a real Chromium, over a film in a spool and the loop that draws its tiles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect
from sqlalchemy import update

from db import schema
from db.database import Database
from db.films import spooled_files
from db.settings import DatabaseSettings
from db.tables import Instance
from db.worklist import reads
from db.worklist.studies import StudyHeader
from dicom_gateway.spool import Spool
from tests import spooled_films
from tests.e2e.test_accessibility import list_violations, read_axe
from tests.e2e.visitor import Visitor
from tests.golden.synthetic import draw_shapes, write_film
from tests.servers.page import serving_page
from tests.unit.web import reading_room
from web.application import build_application

LINE = """([across, down]) => {
  const canvas = document.querySelector("canvas"), box = canvas.getBoundingClientRect();
  const { data } = canvas.getContext("2d").getImageData(across - box.x, down - box.y, 8, 1);
  return [...data].filter((_, at) => at % 4 === 0);
}"""
"""Greys of eight pixels of the canvas, from a place on the page."""


@pytest.fixture(scope="module")
def axe() -> str:
    return read_axe()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("viewer")


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[Database]:
    made = Database.open(DatabaseSettings(url=f"sqlite:///{folder}/tbscreen.sqlite3"))
    schema.upgrade(made)
    reading_room.add_users(made)
    spool = Spool(folder / "spool")
    study = StudyHeader("1.2.1", patient_name="Okafor^Chidi", patient_id="P-4137")
    spooled_films.receive_fine_film(made, spool, folder, study, "1.2.1.1", ImagerPixelSpacing=["0.15", "0.1"])
    second = write_film(folder / "second.dcm", draw_shapes(12), BitsStored=12)
    spooled_films.receive_spooled(made, spool, second, study, "1.2.1.2")
    with made.write() as session:
        session.execute(update(Instance).values(state="refused", refusal="under_age"))
    with spooled_films.drawing_tiles(made, spool):
        yield made
    made.close()


@pytest.fixture
def visitor(browser: Browser, database: Database) -> Iterator[Visitor]:
    with serving_page(build_application(database, "1.2.3")) as url:
        made = Visitor(browser, url)
        made.log_in()
        made.open("/studies/1?film=1")
        yield made
        made.context.close()


def find_place(visitor: Visitor, column: int, row: int) -> tuple[float, float]:
    """Return the place on the page of a pixel of the film while the whole film is shown."""
    box = visitor.page.locator(".stage").bounding_box()
    assert box is not None
    fit = min(box["width"] / 2000, box["height"] / 1600)
    return (
        box["x"] + box["width"] / 2 + (column - 1000) * fit,
        box["y"] + box["height"] / 2 + (row - 800) * fit,
    )


def read_line(visitor: Visitor, place: tuple[float, float]) -> list[int]:
    return list(visitor.page.evaluate(LINE, [round(each) for each in place]))


def test_the_ruler_measures_at_the_detector_and_the_lens_shows_single_pixels(visitor: Visitor) -> None:
    page = visitor.page
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Ruler")).to_have_attribute("aria-pressed", "true")
    page.mouse.move(*find_place(visitor, 400, 300))
    page.mouse.down()
    page.mouse.move(*find_place(visitor, 800, 500))  # 40 mm across, 30 mm down
    page.mouse.up()
    visitor.drawn("mm at the detector")
    measured = float(page.locator(".readout").inner_text().split(" mm")[0].split()[-1])
    assert abs(measured - 50) < 0.5
    page.mouse.click(*find_place(visitor, 400, 300))
    expect(page.locator(".readout")).not_to_contain_text("mm")
    visitor.drawn("W 255 L 128")

    fine = find_place(visitor, 700, 900)
    page.mouse.move(*fine)
    page.keyboard.down("m")
    visitor.drawn("lens 1:1")
    expect(page.locator(".stage .small")).to_contain_text("Full resolution: the film's own pixels.")
    line = read_line(visitor, fine)
    assert max(line) > 230
    assert min(line) < 25
    page.keyboard.up("m")
    expect(page.locator(".readout")).not_to_contain_text("lens")
    page.get_by_role("button", name="Lens").click()
    page.mouse.move(*fine)
    page.mouse.down()
    visitor.drawn("lens 1:1")
    page.mouse.up()
    expect(page.locator(".readout")).not_to_contain_text("lens")
    assert visitor.complaints == []


def read_ruler(visitor: Visitor) -> float:
    """Return the length that the ruler says, in mm."""
    return float(visitor.page.locator(".readout").inner_text().split(" mm")[0].split()[-1])


def press(visitor: Visitor, *keys: str) -> float | None:
    """Press keys, each once the film is drawn after the one before; return the ruler's length, if any."""
    for key in keys:
        before = visitor.page.locator(".readout").inner_text()
        visitor.page.keyboard.press(key)
        expect(visitor.page.locator(".readout")).not_to_have_text(before)
    return read_ruler(visitor) if "mm" in visitor.page.locator(".readout").inner_text() else None


def test_the_ruler_is_laid_moved_and_removed_by_keys_alone(visitor: Visitor, axe: str) -> None:
    page = visitor.page
    page.keyboard.press("l")
    expect(page.locator("canvas")).to_be_focused()
    laid = press(visitor, "ArrowRight")
    box = page.locator(".stage").bounding_box()
    assert laid is not None
    assert box is not None
    step = 0.1 * 2000 / (min(box["width"] / 2000, box["height"] / 1600) * 2000)  # mm a pixel of the screen
    assert laid == pytest.approx(120 * step, abs=0.2)
    assert press(visitor, "Shift+ArrowRight") == pytest.approx(130 * step, abs=0.2)
    assert press(visitor, "ArrowLeft", "ArrowLeft") == pytest.approx(128 * step, abs=0.2)
    page.keyboard.press("Enter")  # the other end
    assert press(visitor, "Shift+ArrowRight") == pytest.approx(118 * step, abs=0.2)
    down = press(visitor, *["Shift+ArrowDown"] * 3)
    assert down == pytest.approx(((118 * step) ** 2 + (30 * 1.5 * step) ** 2) ** 0.5, abs=0.2)
    assert list_violations(page, axe) == []
    assert "W 255 L 128" in page.locator(".readout").inner_text(), "the window stays"
    assert press(visitor, "Delete") is None
    page.keyboard.press("l")
    press(visitor, "ArrowRight")
    assert "W 263 L 128" in page.locator(".readout").inner_text(), (
        "without the ruler, arrows are the window's"
    )
    assert visitor.complaints == []


def test_two_films_side_by_side_have_windows_of_their_own_and_are_read_when_both_are_drawn(
    visitor: Visitor, database: Database, axe: str
) -> None:
    page, held = visitor.page, list[Route]()
    page.route("**/films/2/film.jpg", lambda route: held.append(route))
    page.keyboard.press("b")
    page.wait_for_url("**/studies/1?film=1&beside=2")
    first, second = page.locator(".viewer").nth(0), page.locator(".viewer").nth(1)
    expect(first.locator(".readout")).to_contain_text("W 255")
    expect(page.get_by_role("button", name="Not TB")).to_be_disabled()
    page.keyboard.press("2")
    expect(page.get_by_role("status")).to_have_text("Wait until the film is on the screen, then read.")
    held[0].continue_()
    expect(second.locator(".readout")).to_contain_text("fitted")

    second.locator("canvas").hover()
    page.keyboard.press("i")
    page.keyboard.press("+")
    expect(second.locator(".readout")).to_contain_text("125 % · inverted")
    expect(first.locator(".readout")).to_contain_text("100 % · fitted")
    expect(first.locator(".readout")).not_to_contain_text("inverted")
    visitor.read("2")
    expect(page.get_by_role("status")).to_have_text("The read is saved.")
    with database.read() as session:
        (read,) = reads.list_reads(session, "1.2.1")
    assert read.films == [1, 2]
    for width, height in ((1366, 768), (768, 1024), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for stage in page.locator(".stage").all():
            box = stage.bounding_box()
            assert box is not None
            assert box["height"] > 200
            assert box["x"] + box["width"] <= width
    page.unroute("**/films/2/film.jpg")
    page.reload()  # on a phone the second film is below the first
    expect(second.locator(".readout")).to_contain_text("fitted")
    expect(page.get_by_role("button", name="Not TB")).to_be_disabled()
    second.locator(".stage").scroll_into_view_if_needed()
    visitor.wait_until_ready()
    assert visitor.complaints == []
    assert list_violations(page, axe) == []
    page.keyboard.press("b")
    page.wait_for_url("**/studies/1?film=1")


def test_a_window_that_comes_back_at_once_is_drawn_at_full_resolution_when_it_comes_again(
    visitor: Visitor,
) -> None:
    page, caption = visitor.page, visitor.page.locator(".stage .small")
    fine = find_place(visitor, 700, 900)
    page.mouse.move(*fine)
    page.keyboard.press("a")
    visitor.drawn("1:1")
    expect(caption).to_contain_text("Full resolution: the film's own pixels.")
    page.evaluate(
        """async () => { for (const step of [1, 2]) {
        document.querySelector("[data-do=invert]").click();
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))); } }"""
    )
    page.wait_for_timeout(1000)
    with page.expect_response("**/tile.jpg?*inverted=true*"):
        page.keyboard.press("i")
    visitor.drawn("inverted")
    expect(caption).to_contain_text("Full resolution: the film's own pixels.")
    assert max(read_line(visitor, fine)) - min(read_line(visitor, fine)) > 200


def test_one_to_one_shows_single_pixels_at_full_depth_while_the_spool_has_the_film(
    visitor: Visitor, database: Database
) -> None:
    page, caption = visitor.page, visitor.page.locator(".stage .small")
    expect(caption).to_contain_text("Fitted picture: 8 bits")
    visitor.drawn("fitted")
    fine = find_place(visitor, 700, 900)
    assert max(read_line(visitor, fine)) - min(read_line(visitor, fine)) < 40, "averaged"
    page.mouse.move(*fine)
    page.keyboard.press("a")
    visitor.drawn("1:1")
    expect(caption).to_contain_text("Full resolution: the film's own pixels.")
    line = read_line(visitor, fine)
    assert {value > 200 for value in line[::2]} != {value > 200 for value in line[1::2]}
    assert max(line) > 230
    assert min(line) < 25

    page.keyboard.press("a")
    visitor.drawn("fitted")
    faint = find_place(visitor, 1350, 900)
    page.mouse.move(*faint)
    page.keyboard.press("a")
    page.locator("canvas").focus()
    for _ in range(31):
        page.keyboard.press("ArrowLeft")
    visitor.drawn("W 7 L 128 · ")
    expect(caption).to_contain_text("Full resolution: the film's own pixels.")
    line = read_line(visitor, faint)
    assert abs(line[0] - line[1]) > 6, "steps of a third of an 8-bit grey"
    assert visitor.complaints == []

    with database.write() as session:
        spooled_files.forget_file(session, 1)
    page.keyboard.press("i")
    expect(caption).to_contain_text("No full resolution: the film's file has left the gateway's spool.")
    visitor.open("/studies/1?film=1")
    expect(caption).to_contain_text("has left the gateway's spool")
    expect(page.get_by_role("button", name="1:1")).to_be_disabled()
