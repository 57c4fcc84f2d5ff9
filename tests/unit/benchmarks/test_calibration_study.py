"""A short form of `python -m benchmarks.calibration_study`: coverage, refusal, tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.calibration_study.cells import recommend_by_group
from benchmarks.calibration_study.coverage import measure
from benchmarks.calibration_study.equivalents import PAIRINGS, pair
from benchmarks.calibration_study.policies import recommend
from benchmarks.calibration_study.programmes import KINDS, Kind
from benchmarks.calibration_study.tables import BLOCK, DOCUMENT, draw_tables, write_document
from tests.checkout import ROOT

FEW = 60
LEAST = 0.85
"""Coverage of 60 programmes below which 95 % would be a chance of one in a thousand."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_intervals_cover_and_the_naive_estimate_does_not(kind: Kind) -> None:
    row = measure(kind, FEW)
    if kind.name.endswith("positives alone tested"):
        assert [row.weighted[name].given for name in ("sensitivity", "specificity", "npv")] == [0, 0, 0]
        assert row.weighted["ppv"].coverage > LEAST
        assert row.naive["sensitivity"].bias > 0.05
        return
    for name, quality in row.weighted.items():
        if row.bound is None or name == "ppv":
            assert (quality.given, quality.coverage > LEAST) == (1, True), name
    if row.bound is not None:
        assert row.bound.coverage > LEAST
    if "everybody" not in kind.name:
        assert row.naive["sensitivity"].bias > 0.05
        assert row.naive["specificity"].coverage < 0.1


def test_a_recommended_threshold_keeps_its_promise_and_tables_are_written(tmp_path: Path) -> None:
    kind = next(kind for kind in KINDS if kind.name == "prevalence 20 %")
    result = recommend(kind, 0.9, 8)
    assert (result.given, result.naive_kept) == (1, 0)
    assert result.kept >= 0.75
    by_group = recommend_by_group(0.2, 5000, 2)
    assert by_group.kept == 1
    assert by_group.spread < by_group.spread_common
    equivalents = [pair(pairing, FEW) for pairing in PAIRINGS]
    assert all(found.covered.value > LEAST and found.spread < 0.05 for found in equivalents)
    tables = draw_tables([measure(kind, 3)], [result], [by_group], equivalents)
    copy = tmp_path / "document.md"
    copy.write_text((ROOT / DOCUMENT).read_text("utf-8"), "utf-8")
    write_document(tables, copy)
    text = copy.read_text("utf-8")
    assert {found[2] for found in BLOCK.finditer(text)} == set(tables)
    assert all(table in text for table in tables.values())
