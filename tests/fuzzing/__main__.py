"""Sends mutated DICOM files to a real gateway; each must have a status, or an end with its report.

    python -m tests.fuzzing [--files 10000] [--seed 1] [--web]

The real files behind them are pydicom's, pydicom-data's and, where they are, `../shared`'s; each is sent
as it is and as a chest film. Prints what became of them by mutation. The last line is one JSON object. Exit
code 1 when a file got no answer within 5 s or did not end, killed or hung a process, gave no valid report,
or when memory grew.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Column, Table

from tbscreen.machine import describe_machine
from tests.fuzzing.campaign import CRASHED, Outcome, run

ENDS = ("0xA700", "0xA900", "0xC000", "refused", "screened")
"""Statuses (PS3.4 Table B.2-1), and what became of what was taken."""

MOST_GROWTH = 64 * 1024 * 1024
"""Bytes that a process may gain from the second third of a campaign to the last."""


def main() -> int:
    """Run a campaign and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__.split("\n\n")[0])
    parser.add_argument("--files", type=int, default=10_000, help="how many files to send")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same files")
    parser.add_argument("--web", action="store_true", help="send them by STOW-RS instead of C-STORE")
    arguments = parser.parse_args()
    console = Console()
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        tempfile.TemporaryDirectory(prefix="tbscreen-fuzzing-") as folder,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        task = progress.add_task("mutated files", total=arguments.files)
        outcome = run(
            arguments.files,
            arguments.seed,
            Path(folder),
            lambda done: progress.update(task, completed=done),
            by_web=arguments.web,
        )
    console.print(f"machine: {describe_machine()}")
    console.print(tabulate(outcome))
    summary = summarise(outcome)
    sys.stdout.write(json.dumps(summary) + "\n")
    return 0 if is_well(outcome) else 1


def tabulate(outcome: Outcome) -> Table:
    """Return how many files of each mutation ended how."""
    table = Table(
        "mutation", *(Column(name, justify="right") for name in ENDS), title=f"{outcome.files} mutated files"
    )
    for mutation in sorted({mutation for mutation, _ in outcome.ends}):
        sums = Counter[str]()
        for (kind, end), number in outcome.ends.items():
            if kind == mutation:
                sums[end if end in ENDS else "refused"] += number
        table.add_row(mutation, *(str(sums[name]) for name in ENDS))
    table.add_section()
    known = sum(outcome.count(name) for name in ENDS)
    totals = {**{name: outcome.count(name) for name in ENDS}, "refused": sum(outcome.ends.values()) - known}
    table.add_row("all", *(str(totals[name]) for name in ENDS))
    return table


def summarise(outcome: Outcome) -> dict[str, object]:
    """Return the figures that count."""
    return {
        "files": outcome.files,
        "ended": sum(outcome.ends.values()),
        "unanswered": outcome.unanswered,
        "slower_than_5_s": outcome.slow,
        "crashed_or_hung": outcome.count(CRASHED),
        "not_taken_0xA700": outcome.count("0xA700"),
        "stuck": outcome.stuck,
        "lost": outcome.lost,
        "reports": outcome.reports.built,
        "reports_unbuilt": outcome.reports.unbuilt,
        "reports_invalid": outcome.reports.invalid,
        "slowest_answer_s": round(outcome.slowest_answer_s, 3),
        "gateway_growth_mib": round(outcome.growth("gateway") / 2**20, 1),
        "preparation_growth_mib": round(outcome.growth("preparation") / 2**20, 1),
        "refusals": {
            end: outcome.count(end) for end in sorted({end for _, end in outcome.ends}) if end not in ENDS
        },
        "seconds": round(outcome.seconds, 1),
    }


def is_well(outcome: Outcome) -> bool:
    """True when every file ended, nothing crashed or hung, and memory stayed flat."""
    return (
        sum(outcome.ends.values()) == outcome.files
        and not (outcome.unanswered or outcome.slow or outcome.stuck or outcome.lost)
        and not (outcome.reports.unbuilt or outcome.reports.invalid)
        and outcome.count(CRASHED) == outcome.count("0xA700") == 0
        and max(outcome.growth("gateway"), outcome.growth("preparation")) < MOST_GROWTH
    )


if __name__ == "__main__":
    sys.exit(main())
