"""The report: one file, no request, no script, all figures."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from domain.bundle.calibration import IdentityCalibration
from judging.wording import write_figure
from tests.unit.training.synthetic_films import CALIBRATION, POINTS, draw_films, evaluate_drawn, facts, scored
from training.judging.calibration_fit import fit_calibration
from training.judging.evaluation import describe, evaluate
from training.writing.report import FilmPicture, expect_yield, write_report
from training.writing.wording import write_difference, write_share

FILMS = draw_films()
EVALUATION = evaluate_drawn(FILMS)
HISTORY = [{"epoch": 1, "loss": 0.7, "validation_auc": 0.8}, {"epoch": 2, "loss": 0.5, "validation_auc": 0.9}]
CHOSEN = FILMS.select_part("validation")
FIT = fit_calibration(CHOSEN.is_tb, CHOSEN.scores, prevalence=0.02)
VOID = {"meta", "link", "img", "br", "hr", "col", "use", "path", "input"}


class Page(HTMLParser):
    """Collects tags, words and ids, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.said: list[str] = []
        self.feed(html)
        self.words = re.sub(r"\s+", " ", " ".join(self.said))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "srcset", "action"):
                self.addresses.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.said.append(data.strip())


@pytest.fixture(scope="module")
def html() -> str:
    """A report of everything but films."""
    return write_report(EVALUATION, FILMS, HISTORY, facts(calibration=FIT)).decode()


def test_the_page_is_whole_asks_for_nothing_and_runs_nothing(html: str) -> None:
    page = Page(html)
    assert page.open == []
    assert not {"script", "link", "iframe", "img", "object"} & set(page.tags)
    assert all(address.startswith("#") for address in page.addresses)
    assert len(page.ids) == len(set(page.ids))
    assert "default-src 'none'" in html
    assert not re.search(r"@import|url\((?!#)|\son\w+=", html)
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_the_same_figures_give_the_same_bytes(html: str) -> None:
    assert write_report(EVALUATION, FILMS, HISTORY, facts(calibration=FIT)).decode() == html


def test_every_picture_is_there(html: str) -> None:
    assert html.count('<svg class="plot"') == 9


def test_the_figures_are_those_of_the_evaluation(html: str) -> None:
    words = Page(html).words.replace(" (", "(")
    for row in (*EVALUATION.sources, *EVALUATION.labels, *EVALUATION.subgroups["age"], EVALUATION.overall):
        for figure in (row.auc, *row.baselines.values()):
            assert figure is None or write_figure(figure).replace(" (", "(") in words
        for share in (*row.sensitivity.values(), *row.specificity.values()):
            assert write_share(share).replace(" (", "(") in words
    assert EVALUATION.calibration is not None
    assert write_figure(EVALUATION.calibration.brier).replace(" (", "(") in words
    for point in EVALUATION.operating_points:
        assert f"{point.threshold:.4f}" in words


def test_how_it_was_made_is_told(html: str) -> None:
    words = Page(html).words
    for told in (
        "tbscreen retrain films --seed 7",
        "1:02:03",
        "2026-11-23 08:00:00 UTC",
        "two processors",
        "alpha 1, keras 3.11.0",
        "3,371,233 weights",
        "A hospital (Somebody 2014)",
        "not a medical device",
        "prevalence of 2.0 %",
        "Heat",
    ):
        assert told in words
    assert "<code>care</code>" in html


def test_the_trap_is_told(html: str) -> None:
    words = Page(html).words
    assert "with TB only: only tb; without TB only: only normal" in words
    assert "prove nothing by themselves" in words


def test_no_film_is_shown_unless_it_is_given() -> None:
    png = b"\x89PNG\r\n\x1a\nfilm"
    page = Page(
        write_report(EVALUATION, FILMS, [], facts(), [FilmPicture(png, "missed <b>here</b>")]).decode()
    )
    assert page.addresses.count("data:image/png;base64,iVBORw0KGgpmaWxt") == 1
    assert "missed <b>here</b>" in page.words
    assert "pictures of patients" in page.words


def test_hostile_words_are_words() -> None:
    nasty = "<script>alert(1)</script>"
    films = draw_films(sources=(nasty, "$x$", "`a` **b** & c"))
    told = facts(title=nasty, command=nasty, machine=nasty, credits=(nasty,), notes=(f"`{nasty}`",))
    page = Page(write_report(evaluate_drawn(films), films, [], told).decode())
    assert "script" not in page.tags
    assert page.words.count(nasty) > 5


def test_a_report_without_calibration_has_no_brier_score() -> None:
    evaluation = evaluate(FILMS, POINTS, IdentityCalibration())
    words = Page(write_report(evaluation, FILMS, [], facts()).decode()).words
    assert "Brier" not in words


def test_films_of_one_class_make_a_report_too() -> None:
    films = scored(("a", "normal", 0.2), ("a", "other", 0.5))
    page = Page(write_report(evaluate(films, POINTS, CALIBRATION), films, [], facts()).decode())
    assert page.open == []
    assert "No place among the test films has both classes." in page.words
    assert "unknown for all test films" in page.words


def test_an_unseen_hospital_comes_first_and_a_comparison_has_its_verdict() -> None:
    test = FILMS.select_part("test")
    row = describe("far hospital", test, POINTS)
    reference = dict(zip(test.digests.tolist(), (1 - test.scores).tolist(), strict=True))
    evaluation = evaluate(FILMS, POINTS, CALIBRATION, reference_scores=reference, unseen=[row])
    words = Page(write_report(evaluation, FILMS, [], facts()).decode()).words
    assert words.index("far hospital") < words.index("one place")
    assert "far hospital, never seen in training" in words
    assert write_difference(evaluation.comparisons[0].difference).split(" (")[0] in words
    assert "better" in words


def test_what_to_expect_of_a_thousand_people_by_hand() -> None:
    expected = expect_yield(0.9, 0.7, 0.01, "screening")
    assert (expected.found, expected.missed, expected.alarms) == pytest.approx((9, 1, 297))
    assert (expected.positive, expected.ppv) == pytest.approx((306, 9 / 306))
    assert expect_yield(0.0, 1.0, 0.01, "rule_in").ppv == 0.0


def test_few_test_films_promise_no_perfect_test() -> None:
    """Without an error among three films each, up to 556 of 990 healthy people may be called."""
    films = scored(*[("a", "normal", 0.1)] * 3, *[("a", "tb", 0.99)] * 3)
    words = Page(write_report(evaluate(films, POINTS, CALIBRATION), films, [], facts()).decode()).words
    assert "1.0 % screening 10 10 10.0 0.0(0.0–5.6) 0(0–556) 100.0 %(1–100)" in words.replace(" (", "(")


def test_it_is_not_large(html: str) -> None:
    assert len(html) < 1_000_000
