"""Reports in a browser: tables fit a window of 1,100 pixels and a sheet of A4, and plots cut no letter."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from db.database import Database
from reports.html_form import render_html
from tests.unit.reports.example import compose_example
from tests.unit.training.synthetic_films import CALIBRATION, POINTS, draw_films, facts
from training.judging.baselines import NAMES
from training.judging.evaluation import evaluate
from training.writing.report import write_report

SHEET = 688
"""Width of A4 without the margins of the report, 182 mm, in pixels of 1/96 inch."""

WIDEST = """() => Math.max(
    ...[...document.querySelectorAll('table')].map(table => table.getBoundingClientRect().right)
)"""
CUT = """() => [...document.querySelectorAll('svg.plot')].flatMap(plot => {
    const edge = plot.getBoundingClientRect();
    return [...plot.querySelectorAll('text')].filter(text => {
        const box = text.getBoundingClientRect();
        return box.left < edge.left || box.top < edge.top
            || box.right > edge.right || box.bottom > edge.bottom;
    }).map(text => `${plot.getAttribute('aria-label')}: ${text.textContent}`);
})"""
LINES_OF_NAME = """names => names.map(name => {
    const text = document.createRange();
    text.selectNodeContents(name.firstChild);
    return text.getClientRects().length;
})"""
LIMIT = "() => document.querySelector('header').getBoundingClientRect().right"


@pytest.fixture(scope="module")
def html() -> str:
    """A report with all columns: four baselines and a hospital of a long name."""
    films = draw_films(sources=("regional_hospital_mobile_unit_2", "only_tb", "only_normal"))
    names = [*NAMES, *(f"{name}, same source" for name in NAMES)]
    scores = {name: (films.labels == "tb").astype(float) * 0.9 for name in names}
    evaluation = evaluate(films, POINTS, CALIBRATION, scores, dict.fromkeys(films.digests.tolist(), 0.5))
    return write_report(evaluation, films, [], facts()).decode()


@pytest.mark.parametrize(("media", "width"), [("screen", 1100), ("print", SHEET)])
def test_no_table_is_wider_than_the_page(browser: Browser, html: str, media: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.emulate_media(media=media)  # type: ignore[arg-type]
    page.set_content(html)
    assert page.locator("table").count() > 5
    assert page.evaluate(WIDEST) <= page.evaluate(LIMIT) + 0.5


def test_a_short_name_of_a_hospital_is_not_broken_on_a_screen(browser: Browser, html: str) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.set_content(html.replace("regional_hospital_mobile_unit_2", "shenzhen"))
    names = page.locator(".many tbody th", has_text="shenzhen")
    assert names.count() > 0
    assert set(names.evaluate_all(LINES_OF_NAME)) == {1}


def test_no_plot_cuts_its_words(browser: Browser, html: str, sqlite_database: Database) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    for report, plots in ((html, 8), (render_html(compose_example(sqlite_database)), 8)):
        page.set_content(report)
        assert page.locator("svg.plot").count() >= plots
        assert page.evaluate(CUT) == []
