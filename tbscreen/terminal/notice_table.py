"""Notices as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from db.notices.notice_list import NoticeEntry
from tbscreen.terminal.terminal_tables import quote

HEADINGS = ("No.", "Receiver", "Event", "About", "State", "Attempts", "Created (UTC)", "Last error")


def draw_notices(rows: Sequence[NoticeEntry]) -> Table:
    """Return notices as a table, newest first."""
    table = Table(*HEADINGS, title="Notices")
    for row in rows:
        table.add_row(
            str(row.number),
            row.receiver,
            row.kind.replace("_", " "),
            quote(row.subject, ""),
            row.state,
            str(row.attempts),
            f"{row.created_at:%Y-%m-%d %H:%M:%S}",
            quote(row.last_error, ""),
        )
    return table
