"""A small programme through the real service: films by C-STORE, reads by REST, results by CSV."""

from __future__ import annotations

from tests.e2e.calibration_programme.programme import run_programme


def test_a_programme_from_its_plan_to_a_signed_threshold() -> None:
    told: list[str] = []
    outcome = run_programme(
        100, told.append, sensitivity=0.6, shares="0.9,0.9,1,1", reads=5, films_before=False
    )
    assert outcome["differences"] == []
    assert outcome["figures"] > 200
    assert outcome["good"], (outcome, told)
