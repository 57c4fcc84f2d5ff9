"""Days as options: one form for all commands."""

from __future__ import annotations

from datetime import date
from typing import Any

import typer


def read_day(text: str) -> date:
    """Return the day that a user typed: YYYY-MM-DD, or YYYYMMDD as DICOM writes it.

    Raises:
        typer.BadParameter: when it is none.
    """
    try:
        if not text.replace("-", "").isdigit():
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text}: a day is YYYY-MM-DD, for example 2026-11-29") from None


def day_option(*names: str, help: str) -> Any:  # noqa: A002  Typer's own word
    """Return an option that is a day.

    Args:
        names: of the option; none for that of the argument.
        help: its line in `--help`.
    """
    return typer.Option(*names, parser=read_day, metavar="YYYY-MM-DD", help=help, show_default=False)


def show_day(text: str | None) -> str | None:
    """Return a DICOM date (PS3.5 6.2, DA) as YYYY-MM-DD; whatever is none as it came."""
    if text is not None and len(text) == 8 and text.isdigit():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text
