"""The documents and the evaluation of the shipped model agree."""

from __future__ import annotations

import re

import pytest

from domain.bundle.bundle import open_bundle
from judging.statistics import measure_auc
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tests import checkout
from training.judging.scored_films import from_csv

DOCS = checkout.DOCS / "models"
METRICS = open_bundle(DEFAULT_BUNDLE).manifest.metrics


@pytest.mark.parametrize("file", ["report.html", "model_card.md"])
def test_its_report_and_card_are_linked_from_the_documents(file: str) -> None:
    linked = {
        (DOCS / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", (DOCS / "README.md").read_text())
    }
    assert (DEFAULT_BUNDLE / file).resolve() in linked


def test_its_figures_follow_from_its_scores() -> None:
    films = from_csv((DEFAULT_BUNDLE / "films.csv").read_text()).select_part("test")
    assert measure_auc(films.is_tb, films.scores).model_dump() == pytest.approx(METRICS["overall"]["auc"])


def test_the_documents_quote_its_figures() -> None:
    said = (DOCS / "README.md").read_text()
    rows = {row["name"]: row["auc"] for row in METRICS["unseen"]}
    assert rows.keys() == {"shenzhen", "india_b"}
    for auc in (*rows.values(), METRICS["overall"]["auc"]):
        value, low, high = (f"{auc[name]:.3f}".lstrip("0") for name in ("value", "low", "high"))
        assert f"{value} ({low}–{high})" in said
    assert f"{METRICS['heat']['pointing']['value'] * 100:.1f} %" in said
    front = (DOCS.parents[1] / "README.md").read_text()
    assert f"{rows['shenzhen']['value']:.2f}".lstrip("0") in front
    assert f"{rows['india_b']['value']:.2f}".lstrip("0") in front


def test_no_picture_of_a_film_is_shipped() -> None:
    report = (DEFAULT_BUNDLE / "report.html").read_text()
    assert "data:image" not in report
    assert "http://" not in report.replace("http://www.w3.org/", "")
    assert {path.suffix for path in DEFAULT_BUNDLE.iterdir()} == {".json", ".h5", ".csv", ".html", ".md"}
