"""Reads in a real Chromium: a read belongs to films that were on the screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import delete, update

from db.database import Database
from db.films import films
from db.tables import Study, WebSession
from db.worklist import reads
from db.worklist.studies import StudyHeader
from domain.codes import Refusal, Verdict
from tests.e2e.visitor import Visitor
from tests.phantom import draw_phantom
from tests.servers.ports import wait_until
from tests.unit import rows
from tests.unit.web import reading_room
from web.pages import worklist_page

AHEAD = "sessionStorage.getItem('tbscreen-ahead')"
"""The films that the tab has fetched ahead. The page's script policy refuses wait_for_function."""


def list_verdicts(database: Database, number: int) -> list[str]:
    """Return the verdicts on a study, undone ones included, oldest first."""
    with database.read() as session:
        return [read.verdict.value for read in reads.list_reads(session, f"1.2.{number}")][::-1]


def test_no_read_is_taken_while_the_film_is_on_its_way(visitor: Visitor, database: Database) -> None:
    page, held = visitor.page, list[Route]()
    page.route("**/film.jpg", lambda route: held.append(route))
    page.goto(visitor.url + "/studies/1")
    expect(page.locator(".nothing")).to_have_text("The film is loading …")
    expect(page.get_by_role("button", name="Not TB")).to_be_disabled()
    page.keyboard.press("2")
    expect(page.get_by_role("status")).to_have_text("Wait until the film is on the screen, then read.")
    assert list_verdicts(database, 1) == []
    held[0].continue_()
    visitor.read("2")
    expect(page.get_by_role("status")).to_have_text("The read is saved.")
    assert list_verdicts(database, 1) == ["not_tb"]


def test_each_film_of_the_study_is_asked_for_also_a_refused_one(visitor: Visitor, database: Database) -> None:
    header = StudyHeader("1.2.1", patient_name="Okafor^Chidi", patient_id="P-4137")
    lateral = rows.receive(database, "1.2.1.2", study=header, view_position="LL").instance_id
    with database.write() as session:
        films.refuse(session, lateral, Refusal.NOT_FRONTAL, "ViewPosition is LL", draw_phantom(9, None, 256))
    page = visitor.page
    visitor.open("/studies/1")
    page.get_by_label("Comment").fill("apex")
    page.keyboard.press("Escape")
    visitor.read("1")
    expect(page.get_by_role("status")).to_contain_text("NOT saved: look at each film first")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/studies/1?film={lateral}")
    expect(page.get_by_text("a person reads this film")).to_be_visible()
    visitor.read("1")
    expect(page.get_by_role("status")).to_have_text("The read is saved.")
    with database.read() as session:
        (read,) = reads.list_reads(session, "1.2.1")
    assert (read.films, read.comment, read.origin) == ([1, lateral], "apex", "page")


def test_a_key_pressed_twice_is_one_read_of_one_study_and_can_be_undone(
    visitor: Visitor, database: Database
) -> None:
    page = visitor.page
    visitor.open("/studies/1")
    page.get_by_label("go on to the next study").check()
    visitor.wait_until_ready()
    page.keyboard.press("2")
    page.keyboard.press("2")
    page.wait_for_url("**/studies/2")
    page.keyboard.press("2")
    visitor.wait_until_ready()
    expect(page.get_by_role("status")).to_have_text("The read of Okafor, Chidi is saved.")
    assert (list_verdicts(database, 1), list_verdicts(database, 2)) == (["not_tb"], [])
    page.keyboard.press("z")
    page.wait_for_url("**/studies/1")
    expect(page.get_by_role("status")).to_have_text("The read is undone.")
    with database.read() as session:
        (read,) = reads.list_reads(session, "1.2.1")
    assert (read.current, read.withdrawn_at is not None) == (False, True)
    assert visitor.complaints == []


def test_what_is_ticked_and_typed_before_the_scripts_run_stays(visitor: Visitor) -> None:
    page, held = visitor.page, list[Route]()
    page.route("**/study.js", lambda route: held.append(route))
    page.goto(visitor.url + "/studies/1", wait_until="commit")
    page.get_by_label("go on to the next study").check()
    page.get_by_label("Comment").fill("apex")
    held[0].continue_()
    page.unroute("**/study.js")
    visitor.wait_until_ready()
    expect(page.get_by_label("go on to the next study")).to_be_checked()
    expect(page.get_by_label("Comment")).to_have_value("apex")
    page.keyboard.press("Escape")
    visitor.read("1")
    page.wait_for_url("**/studies/2")


def test_two_readers_stand_beside_each_other_and_a_third_decides(
    visitor: Visitor, database: Database
) -> None:
    verdicts = {"rosa": "1", "ben": "2", "carl": "1"}
    for name in ("ben", "carl"):
        reading_room.add_reader(database, name)
    browser = visitor.context.browser
    assert browser is not None
    readers = [visitor, *(Visitor(browser, visitor.url, name) for name in ("ben", "carl"))]
    for reader in readers[1:]:
        reader.log_in()
    for reader in readers[:2]:  # both have it open at the same time
        reader.open("/studies/1")
    expect(readers[1].page.get_by_text("rosa has this study open.")).to_be_visible()
    for reader in readers[:2]:
        reader.read(verdicts[reader.name])
        expect(reader.page.get_by_role("status")).to_have_text("The read is saved.")
    expect(readers[0].page.get_by_text("Readers differ: not TB, TB.")).to_be_visible()
    third = readers[2]
    third.page.get_by_label("Read").select_option("differ")
    third.page.get_by_role("button", name="Filter").click()
    third.page.locator("a.open").click()
    expect(third.page.get_by_text("Your read decides.")).to_be_visible()
    third.read(verdicts[third.name])
    expect(third.page.get_by_text("Readers differ")).to_be_hidden()
    with database.read() as session:
        standing = {
            read.reader: read.verdict.value for read in reads.list_reads(session, "1.2.1") if read.standing
        }
    assert standing == {"rosa": "tb", "ben": "not_tb", "carl": "tb"}
    for reader in readers[1:]:
        reader.context.close()


def test_next_goes_over_the_page_s_end_passes_what_others_read_and_is_fetched_ahead(
    visitor: Visitor, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist_page, "ROWS", 2)
    page = visitor.page
    page.reload()
    expect(page.locator("a.open")).to_have_count(2)
    with database.write() as session:
        reads.record(session, "1.2.2", Verdict.TB, "ben")
    with page.expect_response("**/studies/3/films/3/film.jpg"):
        page.locator("a.open").first.click()
    expect(page.locator("[data-do=next]")).to_have_attribute("href", "/studies/3")
    wait_until(lambda: "/studies/3/" in (page.evaluate(AHEAD) or ""), what="the next film, fetched ahead")
    asked = len(visitor.asked)
    page.keyboard.press("j")
    page.wait_for_url("**/studies/3")
    visitor.read("1")
    expect(page.get_by_role("status")).to_have_text("The read is saved.")
    assert [address for address in visitor.asked[asked:] if address.endswith("film.jpg")] == []
    assert list_verdicts(database, 3) == ["tb"]


KEYBOARDS = [("é", "Digit2", False), ("2", "Digit2", True), ("2", "Numpad2", False)]
"""Keys of French keyboards, without and with Caps Lock, and of the number pad."""


@pytest.mark.parametrize(("key", "code", "is_shifted"), KEYBOARDS)
def test_keys_are_those_of_the_position_on_any_keyboard(
    visitor: Visitor, key: str, code: str, is_shifted: bool
) -> None:
    press = """([key, code, shiftKey]) => document.body.dispatchEvent(
        new KeyboardEvent("keydown", { key, code, shiftKey, bubbles: true }))"""
    visitor.open("/studies/1")
    for letter, place in (("ш", "KeyI"), ("I", "KeyI")):  # Cyrillic, and Caps Lock
        visitor.page.evaluate(press, [letter, place, False])
    visitor.drawn("W 255 L 128 · 100 %")
    visitor.page.evaluate(press, ["Ш", "KeyI", True])
    visitor.drawn("inverted")
    visitor.wait_until_ready()
    visitor.page.evaluate(press, [key, code, is_shifted])
    expect(visitor.page.get_by_role("button", name="Not TB")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(
    ("key", "code"), [("End", "Numpad1"), ("ArrowDown", "Numpad2"), ("PageDown", "Numpad3")]
)
def test_the_number_pad_reads_nothing_while_it_moves(
    visitor: Visitor, database: Database, key: str, code: str
) -> None:
    visitor.open("/studies/1")
    visitor.wait_until_ready()
    visitor.page.evaluate(
        """([key, code]) => document.querySelector("canvas").dispatchEvent(
        new KeyboardEvent("keydown", { key, code, bubbles: true }))""",
        [key, code],
    )
    expect(visitor.page.locator("#read")).to_have_attribute("data-state", "ready")
    visitor.page.keyboard.press("i")
    visitor.drawn("inverted")
    visitor.wait_until_ready()
    assert list_verdicts(database, 1) == []


def test_a_draft_outlives_the_session_for_its_reader_alone(visitor: Visitor, database: Database) -> None:
    page = visitor.page
    reading_room.add_reader(database, "ben")

    def end_session_and_log_in(name: str) -> None:
        with database.write() as session:
            session.execute(delete(WebSession))
        visitor.read("1")
        expect(page.get_by_text("Your session ended. Log in again")).to_be_visible()
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill("wrong the first time")
        page.get_by_role("button", name="Log in").click()
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(reading_room.PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/studies/1")

    visitor.open("/studies/1")
    page.get_by_label("Comment").fill("apex")
    page.keyboard.press("Escape")
    end_session_and_log_in("rosa")
    expect(page.get_by_role("status")).to_contain_text("NOT saved")
    expect(page.get_by_label("Comment")).to_have_value("apex")
    end_session_and_log_in("ben")
    expect(page.get_by_label("Comment")).to_have_value("")
    assert list_verdicts(database, 1) == []


SIZES = [(1366, 768), (768, 1024), (390, 844)]
LONGEST = "Wickramasinghe-Bandaranayake Abeysekera^Chandrika Kumaranatunga Priyadarshani"


def test_film_verdict_and_next_are_on_the_screen_with_the_longest_name(
    visitor: Visitor, database: Database
) -> None:
    with database.write() as session:
        session.execute(update(Study).values(patient_name=LONGEST))
    visitor.page.reload()
    visitor.page.wait_for_selector("time[title]")
    for width, height in SIZES:
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.open("/studies/1")
        visitor.wait_until_ready()
        for part in (".stage", "[data-do=next]", "button.verdict.tb", "button.verdict.unsure"):
            box = visitor.page.locator(part).bounding_box()
            assert box is not None, part
            assert box["y"] + box["height"] <= height, (part, width)
            assert box["x"] + box["width"] <= width, (part, width)
        stage = visitor.page.locator(".stage").bounding_box()
        verdicts = visitor.page.locator("button.verdict.tb").bounding_box()
        assert stage is not None
        assert verdicts is not None
        assert stage["height"] > 300
        assert verdicts["y"] >= stage["y"] + stage["height"] or verdicts["x"] >= stage["x"] + stage["width"]


def test_the_filters_are_one_line_on_a_desk_and_their_buttons_stay_together(visitor: Visitor) -> None:
    def measure_middles(parts: str) -> list[float]:
        found = visitor.page.evaluate(
            """parts => [...document.querySelectorAll(parts)].map(part => {
              const box = part.getBoundingClientRect();
              return box.top + box.height / 2;
            })""",
            parts,
        )
        assert len(found) > 1
        return [float(middle) for middle in found]

    desk = measure_middles(".filters > :not(.hidden)")
    assert max(desk) - min(desk) < 10
    for width in range(390, 1366, 61):
        visitor.page.set_viewport_size({"width": width, "height": 768})
        buttons = measure_middles(".filters .main, .filters a.button")
        assert max(buttons) - min(buttons) < 10, width


def test_rows_stay_under_the_pointer_and_a_patient_id_is_copied(visitor: Visitor, database: Database) -> None:
    page = visitor.page

    def renew(x: float, y: float) -> None:
        """Let the page renew itself while the pointer moves over a place."""
        asked = len(visitor.asked)
        with page.expect_response(lambda answer: answer.url.rstrip("/") == visitor.url):
            while len(visitor.asked) == asked:
                page.mouse.move(x, y)
                page.mouse.move(x + 1, y)
        page.evaluate("() => new Promise(requestAnimationFrame)")

    row = page.locator("tr[data-study='2']")
    patient = row.locator("td:nth-child(4) small").last
    box = patient.bounding_box()
    assert box is not None
    page.evaluate(
        "document.addEventListener('copy', () => { document.title = getSelection().toString().trim() })"
    )
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] - 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 2, middle)
    page.mouse.up()
    page.keyboard.press("Control+c")
    assert page.title() == "P-4174 · F"
    reading_room.receive_one(database, "1.2.77", "Late^Comer")
    renew(5, 5)  # the pointer is elsewhere, but the text is still being copied
    assert page.locator("tr[data-study]").count() == 3
    page.mouse.click(5, 5)
    page.evaluate("getSelection().removeAllRanges()")
    renew(box["x"], middle)
    assert page.locator("tr[data-study]").count() == 3
    renew(5, 5)
    expect(page.locator("tr[data-study]")).to_have_count(4)
    assert page.url.rstrip("/") == visitor.url


def test_a_click_just_after_the_rows_moved_opens_none(visitor: Visitor, database: Database) -> None:
    page = visitor.page
    page.evaluate(
        """new MutationObserver(() => {
          const link = document.querySelector("a.open");
          link.dispatchEvent(new MouseEvent("click", { detail: 1, bubbles: true, cancelable: true }));
          document.title = "clicked";
        }).observe(document.querySelector("[data-live=worklist]"), { childList: true })"""
    )
    reading_room.receive_one(database, "1.2.77", "Late^Comer")
    expect(page).to_have_title("clicked")
    assert page.url.rstrip("/") == visitor.url
    page.wait_for_selector("tr[data-study] a.open")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/studies/1")


def test_windowing_and_typing_are_activity(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/studies/1")
    with page.expect_request(lambda request: request.headers.get("x-by-itself") == "active"):
        page.locator("canvas").hover()
        page.mouse.down()
        page.mouse.move(500, 400)
        page.mouse.up()
    with page.expect_request(lambda request: request.headers.get("x-by-itself") == "idle"):
        pass
    with page.expect_request(lambda request: request.headers.get("x-by-itself") == "active"):
        page.get_by_label("Comment").press_sequentially("apex")


def test_the_worklist_keeps_its_place_and_is_quiet_while_nothing_happens(visitor: Visitor) -> None:
    page = visitor.page
    with page.expect_response(lambda answer: answer.status == 304) as quiet:
        pass
    assert quiet.value.request.headers["x-by-itself"] == "idle"
    headers = [*quiet.value.request.headers.items(), *quiet.value.headers.items()]
    size = sum(len(name) + len(value) + 4 for name, value in headers)
    assert size * 3600 / 10 < 1_000_000, "bytes an hour, at a request each ten seconds"
    page.locator("a.open").nth(1).click()
    page.wait_for_url("**/studies/2")
    page.keyboard.press("w")
    expect(page.locator("tr[data-study='2'] a.open")).to_be_focused()
    with visitor.context.expect_page() as opened:
        page.locator("tr[data-study='3'] td").first.click(modifiers=["Control"])
    opened.value.wait_for_url("**/studies/3")
    assert page.url.rstrip("/") == visitor.url
