"""Every line of the threat model has a mutant that still applies, and the short ones are killed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.coverage import SECURITY, find_uncovered, read_lines
from tests.mutants.guards import MUTANTS
from tests.mutants.guards.without import REASONS
from tests.mutants.mutant import Mutant, MutantDoesNotApplyError
from tests.mutants.trial import Limits, Outcome, copied_tree, run_trial

ROOT = Path(__file__).parents[2]
LINES = read_lines(SECURITY.read_text("utf-8"))
LIMITS = Limits(memory_bytes=12 * 1024**3, deadline_s=120.0)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mutant_still_applies_and_is_python(mutant: Mutant) -> None:
    ast.parse(mutant.apply(ROOT))


def test_each_mutant_has_a_name_of_its_own_and_a_test_that_the_threat_model_names() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    named = {test for tests in LINES.values() for test in tests}
    assert [mutant.name for mutant in MUTANTS if mutant.test not in named] == []


def test_each_line_of_the_threat_model_has_a_mutant_or_a_reason() -> None:
    assert len(LINES) > 70
    assert find_uncovered(LINES, MUTANTS, REASONS) == []
    assert REASONS.keys() <= LINES.keys()


def test_a_mutant_is_killed_survives_or_is_an_error() -> None:
    by_name = {mutant.name: mutant for mutant in MUTANTS}
    killed = by_name["message-array-values"]
    harmless = Mutant(
        "harmless", killed.file, "class MalformedMessageError", "class  MalformedMessageError", killed.test
    )
    gone = Mutant("gone", killed.file, "no such guard", "", killed.test)
    nowhere = Mutant("nowhere", killed.file, killed.old, killed.new, "unit/no_such_test.py::test_nothing")
    with copied_tree() as tree:
        trials = [run_trial(mutant, tree, LIMITS) for mutant in (killed, harmless, gone, nowhere)]
    outcomes = [Outcome.KILLED, Outcome.SURVIVED, Outcome.ERROR, Outcome.ERROR]
    assert [trial.outcome for trial in trials] == outcomes


def test_a_mutant_of_a_guard_that_was_rewritten_is_an_error() -> None:
    with pytest.raises(MutantDoesNotApplyError, match="0 times"):
        Mutant("gone", "domain/film_key.py", "no such guard", "", "").apply(ROOT)
    with pytest.raises(MutantDoesNotApplyError, match="times"):
        Mutant("twice", "domain/film_key.py", "film", "", "").apply(ROOT)
