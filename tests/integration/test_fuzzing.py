"""The short form of `python -m tests.fuzzing`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing.campaign import CRASHED, run
from tests.fuzzing.mutations import make_mutant
from tests.fuzzing.sources import list_sources

FILES = 50


@pytest.mark.parametrize("by_web", [False, True], ids=["C-STORE", "STOW-RS"])
def test_every_mutated_file_has_a_status_or_an_end(by_web: bool, tmp_path: Path) -> None:
    answered: list[int] = []
    outcome = run(FILES, 7, tmp_path, answered.append, by_web=by_web)
    assert answered[-1] == FILES
    assert (outcome.unanswered, outcome.slow, outcome.stuck, outcome.lost) == ([], [], 0, 0)
    assert sum(outcome.ends.values()) == FILES
    assert (outcome.count(CRASHED), outcome.count("0xA700")) == (0, 0)
    assert outcome.count("screened") > 0  # else nothing was decoded
    assert outcome.count("0xC000") > 0
    assert (outcome.reports.unbuilt, outcome.reports.invalid) == ([], [])
    assert outcome.reports.built > outcome.count("screened")


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    sources = list_sources(tmp_path)
    assert len(sources) > 100
    for number in range(30):
        assert make_mutant(3, number, sources) == make_mutant(3, number, sources)
    assert make_mutant(3, 0, sources) != make_mutant(4, 0, sources)
