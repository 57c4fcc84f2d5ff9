"""Times that options give: so long ago, or a date or time in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from tbscreen.terminal.invocation import fail

UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

Since = Annotated[
    str | None,
    typer.Option(
        help="Only those made since: 30m, 24h or 7d ago, or a date or time (UTC): 2026-11-25T08:00."
    ),
]


def read_since(text: str | None) -> datetime | None:
    """Return the time of an option `--since`; a wrong one ends the command."""
    if text is None:
        return None
    ago = re.fullmatch(r"(\d{1,5})([mhd])", text.strip())
    if ago:
        return datetime.now(UTC) - int(ago[1]) * UNITS[ago[2]]
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        fail(f"--since {text}: allowed are 30m, 24h, 7d and dates and times as 2026-11-25T08:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
