"""HL7 messages as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table

from db.hl7.message_list import MessageRow
from tbscreen.terminal.terminal_tables import quote

HEADINGS = (
    "No.",
    "Receiver",
    "Kind",
    "State",
    "Attempts",
    "Answer",
    "Control ID",
    "Created (UTC)",
    "Last error",
)


def draw_messages(rows: Sequence[MessageRow]) -> Table:
    """Return messages as a table, newest first."""
    table = Table(*HEADINGS, title="HL7 messages")
    for row in rows:
        table.add_row(
            str(row.message_id),
            row.receiver,
            row.kind,
            row.state,
            str(row.attempts),
            quote(row.acknowledgement, ""),
            row.control_id,
            f"{row.created_at:%Y-%m-%d %H:%M:%S}",
            quote(row.last_error, ""),
        )
    return table


def draw_message(row: MessageRow, content: bytes) -> Group:
    """Return one message: where it stands, and its segments."""
    segments = [line for line in content.decode("utf-8").split("\r") if line]
    return Group(draw_messages([row]), *(quote(line) for line in segments))
