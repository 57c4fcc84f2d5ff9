"""The output of a run: a line for each kind of fault, and one JSON object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Table

from chaos.schedule import Injection
from chaos.verdict import Verdict


@dataclass
class Line:
    """The outcome of one kind of fault."""

    fault: str
    injected: int = 0
    in_flight: int = 0
    """Films on their way when it happened, each injection counted."""
    recovered_p95_s: float | None = None
    """From the fault until the film was reported or refused, 95th percentile of those films."""
    lost: int = 0
    duplicated: int = 0
    struck_out: int = 0
    """Good films that were refused as `processing_failed`."""
    failures: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def tally(
    injections: Sequence[Injection], done: Mapping[str, float], wrong: Verdict | Sequence[Verdict]
) -> list[Line]:
    """Return one line for each kind of fault.

    A film that is lost or doubled counts against every fault during which it was on its way.

    Args:
        injections: of one run or several.
        done: SOP Instance UID: when the film was done, by the clock of `Injection.at`.
        wrong: of each run.
    """
    verdicts = [wrong] if isinstance(wrong, Verdict) else list(wrong)
    lost = frozenset().union(*(verdict.lost for verdict in verdicts))
    duplicated = frozenset().union(*(verdict.duplicated for verdict in verdicts))
    struck_out = frozenset().union(*(verdict.struck_out for verdict in verdicts))
    lines: dict[str, Line] = {}
    seconds: dict[str, list[float]] = {}
    for injection in injections:
        line = lines.setdefault(injection.fault, Line(injection.fault))
        if injection.skipped:
            line.skipped += (injection.skipped,)
            continue
        line.injected += 1
        line.in_flight += len(injection.in_flight)
        line.lost += len(injection.in_flight & lost)
        line.duplicated += len(injection.in_flight & duplicated)
        line.struck_out += len(injection.in_flight & struck_out)
        if injection.failure:
            line.failures += (injection.failure,)
        seconds.setdefault(injection.fault, []).extend(
            done[uid] - injection.at for uid in injection.in_flight if uid in done
        )
    for fault, values in seconds.items():
        if values:
            lines[fault].recovered_p95_s = round(float(np.percentile(values, 95)), 1)
    return sorted(lines.values(), key=lambda line: line.fault)


def draw(lines: Sequence[Line], title: str) -> Table:
    """Return the table for people."""
    table = Table(title=title, title_justify="left")
    table.add_column("fault")
    for column in (
        "times injected",
        "films in flight",
        "recovered in (p95 s)",
        "lost",
        "duplicated",
        "good struck out",
    ):
        table.add_column(column, justify="right")
    for line in lines:
        recovered = "" if line.recovered_p95_s is None else f"{line.recovered_p95_s:.1f}"
        table.add_row(
            line.fault,
            str(line.injected),
            str(line.in_flight),
            recovered,
            str(line.lost),
            str(line.duplicated),
            str(line.struck_out),
        )
    return table


def summarize(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Return the table for programs."""
    return [
        {
            "fault": line.fault,
            "injected": line.injected,
            "in_flight": line.in_flight,
            "recovered_p95_s": line.recovered_p95_s,
            "lost": line.lost,
            "duplicated": line.duplicated,
            "good_films_struck_out": line.struck_out,
            "failures": list(line.failures),
            "skipped": list(line.skipped),
        }
        for line in lines
    ]
