"""The HTML and the PDF: what they show, that they ask for nothing, and that no name breaks them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import pytest

from domain.notices import NOTICE
from reports.drawings import list_pictures
from reports.figures import Report
from reports.html_form import render_html
from reports.pdf_form import render_pdf
from reports.pdf_text import measure, wrap

HOSTILE = '<script>alert("x")</script> $\\alpha$ _ नई दिल्ली ' + "x" * 60


class Words(HTMLParser):
    """Collects the words of a page, and what its elements ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.asked: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag in ("style", "script"):
            self.open.append(tag)
        self.asked += [
            value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action", "data")
        ]

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open:
            self.words += data.split()


def read(page: str) -> tuple[str, Words]:
    parser = Words()
    parser.feed(page)
    return " ".join(parser.words), parser


@pytest.fixture(scope="module")
def hostile(march: Report) -> Report:
    group = march.groups[0].model_copy(update={"name": HOSTILE})
    histogram = march.histograms[0].model_copy(update={"model": HOSTILE})
    roc = march.rocs[0].model_copy(update={"model": HOSTILE})
    return march.model_copy(
        update={
            "groups": (group, *march.groups),
            "histograms": (histogram,),
            "rocs": (roc,),
            "organisation": HOSTILE,
        }
    )


def test_the_page_shows_what_was_counted(march: Report) -> None:
    page = render_html(march)
    words, parser = read(page)
    for said in (
        "Screening report · National <TB> Programme",
        "1 March 2026 to 31 March 2026",
        "Research software, not a medical device.",
        "Films received 19 14 screened (73.7 %), 3 refused, 2 waiting",
        "Suggestive of TB 5 38.5 % (17.7–64.5) of 13 films with a finding",
        "Sender to result, median 17.0 s 95 % within 28.7 s; report delivered after 6.25 s",
        "Sensitivity against reads 80 % 95 % interval 38–96 %, 5 studies read as TB",
        "Failed deliveries 2 3 delivered, 4 on their way",
        "This report names studies.",
        NOTICE,
    ):
        assert said in words, said
    assert parser.tags.isdisjoint({"script", "iframe", "link", "object", "form"})
    assert all(asked.startswith("#") for asked in parser.asked)
    assert set(re.findall(r"https?://[^\"' <]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert {picture.name for picture in list_pictures(march)} == set(
        re.findall(r'<figure id="([^"]+)"', page)
    )
    assert page.count("<svg") == len(list_pictures(march)) == 7


def test_an_empty_period_is_a_page_and_a_pdf_without_pictures(empty: Report) -> None:
    words, _ = read(render_html(empty))
    assert "No film was received in this period." in words
    assert "nan" not in words.lower()
    assert list_pictures(empty) == []
    assert render_pdf(empty).startswith(b"%PDF")


def test_no_name_breaks_the_page(hostile: Report) -> None:
    words, parser = read(render_html(hostile))
    assert "script" not in parser.tags
    assert 'alert("x")' in words
    assert render_pdf(hostile).startswith(b"%PDF")


def test_the_same_report_gives_the_same_bytes_in_several_threads(march: Report) -> None:
    with ThreadPoolExecutor(3) as pool:
        pages = list(pool.map(render_html, [march] * 3))
        files = list(pool.map(render_pdf, [march] * 3))
    assert len(set(pages)) == len(set(files)) == 1


def test_the_pdf_says_on_each_page_what_it_is(march: Report) -> None:
    content = render_pdf(march)
    pages = len(re.findall(rb"/Type /Page\b", content))
    assert pages >= 3
    assert NOTICE.encode() in content  # its subject
    assert b"Screening report 2026-03-01 to 2026-03-31" in content


def test_text_is_broken_where_the_line_ends() -> None:
    lines = wrap("several words that go over more than one line " + "x" * 80, 9, 2.0)
    assert len(lines) > 3
    assert max(measure(line, 9) for line in lines) <= 2.0
    assert wrap("", 9, 2.0) == [""]
