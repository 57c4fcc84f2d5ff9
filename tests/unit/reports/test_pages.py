"""The HTML and the PDF: what they show, that they ask for nothing, and that no name breaks them."""

from __future__ import annotations

import io
import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import pytest
import typst
from PIL import Image

from domain.notices import NOTICE
from figures.svg_figure import styled
from reports import pdf_form
from reports.drawings import Picture, list_pictures
from reports.figures import Report
from reports.html_form import render_html
from reports.page import compose_page
from reports.pdf_form import compose_pages, render_pdf

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
    tb_scores = march.tb_scores[0].model_copy(update={"model": HOSTILE})
    roc = march.rocs[0].model_copy(update={"model": HOSTILE})
    return march.model_copy(
        update={
            "groups": (group, *march.groups),
            "tb_scores": (tb_scores,),
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
        "Failed deliveries 2 3 delivered, 4 pending",
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
    pages = len(re.findall(rb"/Type ?/Page\b", content))
    assert pages >= 3
    assert NOTICE.encode() in content  # its subject
    assert b"Screening report 2026-03-01 to 2026-03-31" in content


@pytest.mark.parametrize("name", ["x" * 300, "longer " * 40, "Ж" * 60])
def test_text_is_broken_where_the_line_ends(march: Report, name: str) -> None:
    group = march.groups[0].model_copy(update={"name": name})
    named = march.model_copy(update={"groups": (group, *march.groups), "organisation": name, "by": name})
    drawn = compose_pages(compose_page(named)).compile(format="png", ppi=72)
    pages = [Image.open(io.BytesIO(page)).convert("L") for page in cast("list[bytes]", drawn)]
    assert len(pages) >= 3
    for page in pages:
        width, height = page.size
        assert page.crop((width - 50, 0, width, height)).getextrema() == (255, 255)
        assert page.crop((0, 0, 50, height)).getextrema() == (255, 255)
        assert page.getextrema()[0] < 100


@pytest.mark.parametrize("name", ["Клиника", "Νοσοκομείο", "مستشفى", "בית חולים", "Żółć ñandú Ğ"])
def test_letters_of_other_scripts_are_no_boxes_where_a_font_has_them(empty: Report, name: str) -> None:
    content = render_pdf(empty.model_copy(update={"organisation": name}))
    assert b"DejaVuSans" in content
    assert b"LastResort" not in content


def test_letters_that_no_font_has_are_boxes_and_no_error(empty: Report) -> None:
    assert b"LastResort" in render_pdf(empty.model_copy(update={"organisation": "\U00012000"}))  # cuneiform


@pytest.mark.parametrize(
    "name", ['#panic("run")', '#read("/etc/passwd")', "*open", "$open", "#{", "@nowhere", "</svg>"]
)
def test_no_name_is_markup_of_typst(march: Report, name: str) -> None:
    group = march.groups[0].model_copy(update={"name": name})
    tb_scores = march.tb_scores[0].model_copy(update={"model": name})
    changes = {
        "organisation": name,
        "by": name,
        "version": name,
        "groups": (group,),
        "tb_scores": (tb_scores,),
    }
    report = march.model_copy(update=changes)
    assert len(render_pdf(report)) > 10_000
    drawn = compose_pages(compose_page(report)).query("heading", field="body", one=False)
    assert "Findings and priorities" in drawn


def test_a_template_reads_no_file_outside_its_folder(
    empty: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    template = tmp_path / "page.typ"
    monkeypatch.setattr(pdf_form, "TEMPLATE", template)
    for path in ("/etc/passwd", "../../../../../../../../etc/passwd"):
        template.write_text(f'#read("{path}")')
        with pytest.raises(typst.TypstError, match=r"not found|escape"):
            render_pdf(empty)
    template.write_text('#read("page.typ")')
    assert render_pdf(empty).startswith(b"%PDF")


def test_the_pdf_needs_no_working_directory(
    empty: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert render_pdf(empty).startswith(b"%PDF")


def test_the_pdf_asks_for_nothing_and_runs_nothing(hostile: Report) -> None:
    content = re.sub(rb"\bstream\n.*?endstream", b"", render_pdf(hostile), flags=re.DOTALL)
    assert b"/Catalog" in content
    assert not re.findall(rb"/(?:URI|JavaScript|JS|Launch|EmbeddedFile|OpenAction|AA)\b", content)


def measure_names(picture: Picture) -> list[Any]:
    """Return the boxes of the names beside a picture's bars, in pixels of the picture."""
    figure = picture.draw_figure()
    figure.canvas.draw()
    return [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]


def test_no_name_of_a_site_reaches_over_the_edge_of_its_plot(march: Report) -> None:
    names = [
        "Saint-Bartholomew-and-All-Angels District Hospital Wing North"[:60],
        "MOHAMMED WAHID WOMEN'S AND MOTHERS' HOSPITAL, WARD M, OMMEN, W",
        "ROOM 1",
    ]
    groups = [march.total.model_copy(update={"name": name}) for name in names]
    report = march.model_copy(update={"by": "site", "groups": tuple(groups)})
    (bands,) = [picture for picture in list_pictures(report) if picture.name == "bands"]
    boxes = styled(measure_names)(bands)
    assert len(boxes) == 4
    assert min(box.x0 for box in boxes) >= 0
    rows = sorted(boxes, key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 for lower, upper in itertools.pairwise(rows)), "no name is over another"


def test_weeks_that_the_period_cuts_are_marked(march: Report) -> None:
    (weeks,) = [picture for picture in list_pictures(march) if picture.name == "weeks"]
    assert "Grey ground" in weeks.caption  # March 2026 begins on a Sunday
    whole = march.model_copy(update={"weeks": march.weeks[1:5], "last": date(2026, 3, 29)})
    (weeks,) = [picture for picture in list_pictures(whole) if picture.name == "weeks"]
    assert "Grey ground" not in weeks.caption


@pytest.mark.parametrize(("language", "told"), [("en", "refused"), ("fr", "refusé"), ("hi", "अस्वीकृत")])
def test_one_refused_film_is_told_in_the_singular(march: Report, language: str, told: str) -> None:
    flow = march.total.flow.model_copy(update={"screened": 1, "refused": {"not_chest": 1}})
    counted = march.model_copy(update={"total": march.total.model_copy(update={"flow": flow})})
    of = compose_page(counted, language).tiles[0].of
    assert f", 1 {told}, " in of, of
    assert not of.startswith("1 dépistés"), of
