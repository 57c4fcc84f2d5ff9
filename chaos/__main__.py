"""`python -m chaos`: runs the proof and prints a table; the last line is one JSON object.

    python -m chaos --films 60 --rounds 1            # once each, about a minute and a half
    python -m chaos --films 1000 --seeds 5           # the whole proof

Ends with status 1 when a film is lost, doubled or, being good, struck out, an object in the PACS is nobody's,
or a row is stuck.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from chaos.faults import FAULTS, POISONS
from chaos.run import Run, run
from chaos.schedule import Schedule
from chaos.table import draw, summarize, tally
from tbscreen.machine import describe_machine


def main() -> None:
    """Run it."""
    options = _parse()
    console = Console(stderr=True, soft_wrap=True)
    runs: list[Run] = []
    for seed in range(options.seed, options.seed + options.seeds):
        schedule = Schedule(seed, options.only or [*FAULTS, *POISONS], options.rounds, options.pause)
        started = time.monotonic()

        def tell(text: str, seed: int = seed, started: float = started) -> None:
            console.print(f"seed {seed} {time.monotonic() - started:6.1f} s  {text}", highlight=False)

        try:
            runs.append(run(seed, options.films, schedule, tell, options.keep))
        except pytest.skip.Exception as error:  # a server that is not installed
            sys.exit(str(error))
        _tell_trouble(console, runs[-1])
    report(runs)
    sys.exit(0 if all(outcome.verdict.is_good and not outcome.unanswered for outcome in runs) else 1)


def report(runs: list[Run]) -> None:
    """Print the table and, as the last line, the JSON object."""
    injections = [injection for outcome in runs for injection in outcome.injections]
    done = {uid: moment for outcome in runs for uid, moment in outcome.done.items()}
    lines = tally(injections, done, [outcome.verdict for outcome in runs])
    films, faults = sum(outcome.films for outcome in runs), sum(line.injected for line in lines)
    lost = sum(len(outcome.verdict.lost) for outcome in runs)
    duplicated = sum(len(outcome.verdict.duplicated) for outcome in runs)
    struck_out = sum(len(outcome.verdict.struck_out) for outcome in runs)
    title = (
        f"{films} films, {faults} faults, {len(runs)} seeds: {lost} lost, {duplicated} duplicated, "
        f"{struck_out} good films struck out"
    )
    answered, results, refusals, conflicts = (
        sum(getattr(outcome.verdict, name) for outcome in runs)
        for name in ("answered", "results", "refusals", "conflicts")
    )
    console = Console(width=120)
    console.print(f"machine: {describe_machine()}", highlight=False)
    console.print(draw(lines, title))
    console.print(
        f"{answered} films with success = {results} results + {refusals} refusals + {conflicts} conflicts",
        highlight=False,
    )
    for line in lines:
        for failure in line.failures:
            console.print(f"{line.fault}: {failure}", highlight=False, markup=False)
        for reason, times in Counter(line.skipped).items():
            console.print(
                f"{line.fault}: {times} times not injected: {reason}", highlight=False, markup=False
            )
    told = [outcome.evidence.messages for outcome in runs if outcome.evidence.messages is not None]
    result = {
        "machine": describe_machine(),
        "seeds": [outcome.seed for outcome in runs],
        "films": films,
        "faults": faults,
        "lost": lost,
        "duplicated": duplicated,
        "strangers_in_pacs": sum(len(outcome.verdict.strangers) for outcome in runs),
        "stuck": sum(outcome.verdict.stuck for outcome in runs),
        "not_taken": sum(outcome.unanswered for outcome in runs),
        "poisoned": sum(len(outcome.evidence.poisoned) for outcome in runs),
        "poison_survived": sum(len(outcome.verdict.poison_survived) for outcome in runs),
        "good_films_struck_out": struck_out,
        "with_success": answered,
        "results": results,
        "refusals": refusals,
        "conflicts": conflicts,
        "hl7_messages": sum(len(messages.made) for messages in told),
        "hl7_repetitions": sum(messages.repeated for messages in told),
        "answers": dict(sum((outcome.statuses for outcome in runs), Counter())),
        "restarts": dict(sum((Counter(outcome.restarts) for outcome in runs), Counter())),
        "settled_s": [round(outcome.settled_s, 1) for outcome in runs],
        "seconds": round(sum(outcome.seconds for outcome in runs), 1),
        "by_fault": summarize(lines),
    }
    print(json.dumps(result))


def _tell_trouble(console: Console, outcome: Run) -> None:
    if outcome.logs:
        console.print(outcome.logs, highlight=False, markup=False)
        console.print(f"{outcome.verdict}\n{outcome.evidence.waiting}", highlight=False, markup=False)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m chaos", description="Nothing is lost, nothing is doubled."
    )
    parser.add_argument("--films", type=int, default=1000, help="good films per seed")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one run each")
    parser.add_argument("--rounds", type=int, default=3, help="how often each fault comes in a run")
    parser.add_argument("--pause", type=float, default=3.0, help="mean seconds between two faults")
    parser.add_argument(
        "--only", action="append", choices=[*FAULTS, *POISONS], help="only this fault; repeat"
    )
    parser.add_argument("--keep", type=Path, help="folder that gets the logs of all processes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
