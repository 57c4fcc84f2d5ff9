"""Pulls and incomplete studies as tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from db.pulls.pulled_studies import FailedStudy
from db.pulls.pulls import PullRow
from tbscreen.terminal.day_options import show_day

STATE_STYLES = {"running": "yellow", "complete": "green"}


def draw_pulls(rows: Sequence[PullRow]) -> Table:
    """Return pulls as a table."""
    table = Table(title="Pulls", box=box.SIMPLE_HEAD)
    for heading in ("Pull", "Peer", "Study dates", "State", "Complete", "Wanted", "Failed", "Last error"):
        number = heading in ("Complete", "Wanted", "Failed")
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(
            row.name,
            row.peer,
            f"{show_day(row.first_date)} to {show_day(row.last_date)}",
            Text(row.state, style=STATE_STYLES.get(row.state, "")),
            str(row.complete + row.unwanted),
            str(row.wanted + row.fetching),
            Text(str(row.failed), style="red" if row.failed else ""),
            Text(row.last_error or ""),
        )
    return table


def draw_failed(studies: Sequence[FailedStudy]) -> Table:
    """Return failed studies as a table."""
    table = Table(title="Incomplete studies", box=box.SIMPLE_HEAD)
    for heading in ("Peer", "Study Instance UID", "Films here", "Attempts", "Why"):
        number = heading in ("Films here", "Attempts")
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    for study in studies:
        why = Text(study.last_error or "")
        table.add_row(study.peer, study.study_instance_uid, str(study.films), str(study.attempts), why)
    return table
