"""Values for CSV files that a spreadsheet shows and does not run (OWASP, CSV injection)."""

from __future__ import annotations

from typing import Final

FORMULA_STARTS: Final = tuple("=+-@\t\r\n＝＋－＠")


def guard_cell(value: object) -> object:
    """Return a text without control characters, with an apostrophe before the beginning of a formula.

    Names come from headers that other systems wrote, and `=HYPERLINK(…)` is a possible patient name. Values
    other than text are returned as they are, and None as "".
    """
    if not isinstance(value, str):
        return "" if value is None else value
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in value)
    dangerous = value.startswith(FORMULA_STARTS) or value.lstrip().startswith(FORMULA_STARTS)
    return f"'{text}" if dangerous else text
