"""The documents and the evaluation of the shipped model agree."""

from __future__ import annotations

import re
from typing import Any

import pytest

from domain.bundle.bundle import open_bundle
from judging.statistics import measure_auc
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tests import checkout
from training.judging.scored_films import from_csv

DOCS = checkout.DOCS / "models"
MANIFEST = open_bundle(DEFAULT_BUNDLE).manifest
METRICS = MANIFEST.metrics
LEFT_OUT = [*METRICS["unseen"], *(row for row in METRICS["sources"] if not row["seen_in_training"])]
"""Rows of hospitals that left-out networks never saw, and of those that the shipped network never saw."""
SPLIT = {row["name"].partition(",")[0] for row in LEFT_OUT if "," in row["name"]}
"""Hospitals whose normal and ill films have rows of their own."""


def write_auc(auc: dict[str, float]) -> str:
    value, low, high = (f"{auc[name]:.3f}".lstrip("0") for name in ("value", "low", "high"))
    return f"{value} ({low}–{high})"


def write_share(share: dict[str, float]) -> str:
    value, low, high = (share[name] * 100 for name in ("value", "low", "high"))
    return f"{value:.1f} % ({low:.0f}–{high:.0f})"


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
    for auc in (METRICS["overall"]["auc"], *(row["auc"] for row in METRICS["unseen"] if row["auc"])):
        assert write_auc(auc) in said
    shares = [METRICS["heat"]["pointing"], METRICS["regions"]["hits"], METRICS["regions"]["boxes_met"]]
    assert [share for share in map(write_share, shares) if share not in said] == []
    front = (DOCS.parents[1] / "README.md").read_text()
    for name in ("shenzhen", "india_b"):
        auc = next(row["auc"] for row in METRICS["unseen"] if row["name"] == name)
        value, low, high = (f"{auc[part]:.2f}".lstrip("0") for part in ("value", "low", "high"))
        assert f"{value} ({low}–{high})" in front
    for point in METRICS["left_out"]["points"][:2]:
        for kind in ("sensitivity", "specificity_normal"):
            assert f"{point[kind]['average'] * 100:.1f} %" in front


@pytest.mark.parametrize(
    "row", [row for row in LEFT_OUT if row["name"] not in SPLIT], ids=lambda row: row["name"]
)
def test_the_documents_have_a_line_for_each_hospital_that_its_network_never_saw(row: dict[str, Any]) -> None:
    """With each share at both thresholds, whatever it is."""
    start = f"| `{row['name'].partition(',')[0]}`"
    lines = [line for line in (DOCS / "README.md").read_text().splitlines() if line.startswith(start)]
    shares = {write_share(share) for kind in ("sensitivity", "specificity") for share in row[kind].values()}
    assert shares
    assert min([share for share in shares if share not in line] for line in lines) == []


def test_its_thresholds_come_from_hospitals_that_the_scoring_networks_never_saw() -> None:
    assert {row["name"].partition(",")[0] for row in METRICS["unseen"]} == {
        source for group in METRICS["left_out"]["groups"] for source in group
    }
    screening, rule_in = (MANIFEST.find_operating_point(name).threshold for name in ("screening", "rule_in"))
    assert (round(screening, 3), round(rule_in, 3)) == (0.37, 0.7)
    assert [band for band in METRICS["left_out"]["bands"] if band["medium"] < 0.1] == []


def test_no_picture_of_a_film_is_shipped() -> None:
    report = (DEFAULT_BUNDLE / "report.html").read_text()
    assert "data:image" not in report
    assert "http://" not in report.replace("http://www.w3.org/", "")
    assert {path.suffix for path in DEFAULT_BUNDLE.iterdir()} == {".json", ".h5", ".csv", ".html", ".md"}
