"""Pictures: SVG that a page can hold, the same each time, saying what the figures say."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from figures.svg_figure import CSS_VARIABLES, INK, shorten
from judging.operating_points import measure_operating_point
from tests.unit.training.synthetic_films import POINTS, draw_films, evaluate_drawn, scored
from training.writing import plots, training_plots

FILMS = draw_films()
TEST = FILMS.select_part("test")
EVALUATION = evaluate_drawn(FILMS)
HISTORY = [{"epoch": n, "loss": 1 / n, "validation_auc": 0.9 - (n - 3) ** 2 / 100}
           for n in range(1, 6)]  # fmt: skip

assert EVALUATION.calibration is not None
CALIBRATION = EVALUATION.calibration
PICTURES: dict[str, Callable[[], str]] = {
    "roc": lambda: plots.plot_roc(TEST, EVALUATION),
    "precision-recall": lambda: plots.plot_precision_recall(TEST, EVALUATION),
    "calibration": lambda: plots.plot_calibration(CALIBRATION),
    "histograms": lambda: plots.plot_histograms(TEST, EVALUATION.operating_points),
    "source-histograms": lambda: plots.plot_source_histograms(TEST, EVALUATION.operating_points),
    "confusion": lambda: plots.plot_confusion(EVALUATION.operating_points),
    "forest": lambda: plots.plot_forest([*EVALUATION.sources, EVALUATION.overall]),
    "training": lambda: training_plots.plot_training(HISTORY),
    "balance": lambda: training_plots.plot_balance(FILMS),
}


def read_words(svg: str) -> list[str]:
    """Return the texts of a picture."""
    root = ElementTree.fromstring(svg)
    return ["".join(text.itertext()).strip() for text in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_svg_that_asks_for_nothing_and_repeats_itself(name: str) -> None:
    svg = PICTURES[name]()
    assert svg == PICTURES[name]()
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert set(re.findall(r"https?://[^\"' ]+", svg)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert not re.search(r"<script|<image|<style|@font-face|url\((?!#)|DejaVu|20\d\d-\d\d-\d\d", svg)
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert all(identifier.startswith(f"{name}-") for identifier in ids)
    assert len(ids) == len(set(ids))
    referred = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
    assert {link or other for link, other in referred} <= set(ids)
    assert read_words(svg)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_takes_the_page_s_colours(name: str) -> None:
    svg = PICTURES[name]()
    assert "currentColor" in svg
    assert INK not in svg
    bare = re.sub(r"var\(--[a-z]+, #[0-9a-f]{6}\)", "", svg)
    assert not any(colour in bare for colour in CSS_VARIABLES)


def test_the_roc_curve_names_its_sets_intervals_and_thresholds() -> None:
    words = " ".join(read_words(PICTURES["roc"]()))
    auc = EVALUATION.overall.auc
    assert auc is not None
    assert f"all test films: AUC {auc.value:.3f} ({auc.low:.3f}–{auc.high:.3f})" in words
    assert "one place: AUC" in words
    assert "only tb" not in words
    assert f"screening, threshold {EVALUATION.operating_points[0].threshold:.3f}" in words


def test_the_confusion_matrices_hold_the_counts() -> None:
    truth, scores = [True] * 40 + [False] * 60, [0.5] * 33 + [0.1] * 7 + [0.5] * 11 + [0.1] * 49
    words = read_words(plots.plot_confusion([measure_operating_point(POINTS[0], truth, scores)]))
    assert [word for word in words if word.isdigit()] == ["33", "7", "11", "49"]
    assert "82.5%" in words


def test_the_calibration_plot_counts_its_bins() -> None:
    words = read_words(PICTURES["calibration"]())
    assert all(str(row.films) in words for row in CALIBRATION.bins)


def test_the_balance_counts_labels_and_parts() -> None:
    words = read_words(PICTURES["balance"]())
    assert f"TB ({FILMS.is_tb.sum()})" in words
    assert f"test ({len(TEST)})" in words
    assert f"train ({(FILMS.parts == 'train').sum()})" in words


def test_the_training_curve_marks_the_best_epoch() -> None:
    assert "best: 0.9000 in epoch 3" in read_words(PICTURES["training"]())


def test_one_epoch_is_drawn_too() -> None:
    history = [{"epoch": 1, "loss": 0.5, "validation_auc": 0.5}]
    assert training_plots.plot_training(history).startswith("<svg")


def test_without_validation_films_the_loss_alone_is_drawn() -> None:
    history = [{"epoch": epoch, "loss": 0.5, "validation_auc": None} for epoch in (1, 2, 3)]
    words = read_words(training_plots.plot_training(history))
    assert "loss" in words
    assert "AUC" not in words


def test_names_of_sources_are_words_and_nothing_else() -> None:
    names = ["$\\frac{1}{0$", "<script>alert(1)</script>", "a & b", "_hidden"]
    films = scored(*((name, label, 0.5) for name in names for label in ("tb", "normal")))
    evaluation = evaluate_drawn(draw_films(sources=(names[0], names[1], names[2])))
    for svg in (
        plots.plot_source_histograms(films, ()),
        plots.plot_roc(draw_films(sources=(names[0], names[1], names[2])).select_part("test"), evaluation),
        training_plots.plot_balance(films),
    ):
        ElementTree.fromstring(svg)
        assert "<script" not in svg
        assert any(names[0] in word for word in read_words(svg))


def test_a_source_more_than_a_picture_holds_is_left_out() -> None:
    films = scored(*((f"source {number:02}", "tb", 0.5) for number in range(40)))
    words = read_words(training_plots.plot_balance(films))
    assert sum(word.startswith("source") for word in words) == plots.MOST_SOURCES
    assert shorten("a" * 40) == "a" * 27 + "…"


def test_drawing_leaves_matplotlib_s_own_style_alone() -> None:
    before = dict(mpl.rcParams)
    PICTURES["balance"]()
    assert dict(mpl.rcParams) == before
