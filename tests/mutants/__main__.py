"""`python -m tests.mutants`: takes each guard away and shows that its test fails; the last line is one JSON object.

    python -m tests.mutants                          # all, about half an hour
    python -m tests.mutants --only codestream-size   # this one

Ends with status 1 when a mutant survives, does not apply, or its test does not pass without it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

from rich.console import Console
from rich.table import Table

from tests.mutants.guards import MUTANTS
from tests.mutants.trial import Limits, Outcome, Trial, copied_tree, run_tests, run_trial


def main() -> None:
    """Run it."""
    options = _parse()
    mutants = [mutant for mutant in MUTANTS if not options.only or mutant.name in options.only]
    limits = Limits(options.memory_gib * 1024**3, options.deadline)
    errors = Console(stderr=True, soft_wrap=True)
    trials: list[Trial] = []
    with copied_tree() as tree:
        if not options.trust:
            tests = sorted({mutant.test for mutant in mutants})
            whole = Limits(limits.memory_bytes, limits.deadline_s * len(tests))
            status, told = run_tests(tests, tree, whole)
            if status != 0:
                sys.exit(f"a test fails without any mutant:\n{told}")
        for mutant in mutants:
            trials.append(run_trial(mutant, tree, limits))
            trial = trials[-1]
            errors.print(
                f"{mutant.name}: {trial.outcome}, {trial.seconds:.0f} s {trial.detail}", markup=False
            )
    report(trials)
    sys.exit(0 if all(trial.outcome is Outcome.KILLED for trial in trials) else 1)


def report(trials: list[Trial]) -> None:
    """Print the table and, as the last line, the JSON object."""
    counts = Counter(trial.outcome for trial in trials)
    title = f"{len(trials)} mutants: " + ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome)
    table = Table(title=title, title_justify="left")
    for column in ("mutant", "outcome", "s", "test", "detail"):
        table.add_column(column, overflow="fold")
    for trial in trials:
        mutant = trial.mutant
        table.add_row(mutant.name, trial.outcome, f"{trial.seconds:.0f}", mutant.test, trial.detail)
    Console(width=150).print(table, markup=False)
    result = {
        "mutants": len(trials),
        **{outcome.value: counts[outcome] for outcome in Outcome},
        "seconds": round(sum(trial.seconds for trial in trials), 1),
        "not_killed": [trial.mutant.name for trial in trials if trial.outcome is not Outcome.KILLED],
    }
    print(json.dumps(result))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description="Tests that notice a missing guard."
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=[mutant.name for mutant in MUTANTS],
        metavar="NAME",
        help="this; repeat",
    )
    parser.add_argument("--deadline", type=float, default=240.0, help="seconds for each test")
    parser.add_argument("--memory-gib", type=int, default=12, help="address space of each process")
    parser.add_argument("--trust", action="store_true", help="do not run the tests without mutants first")
    return parser.parse_args()


if __name__ == "__main__":
    main()
