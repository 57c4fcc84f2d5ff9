"""Values of forms and paths: numbers of rows, choices, days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from starlette.exceptions import HTTPException

from domain.languages.sentence import say
from web.access.authentication import Visit

Choice = TypeVar("Choice", bound=StrEnum)


def take_number(visit: Visit, name: str) -> int:
    """Return a row's number from the path or a form.

    Raises:
        HTTPException: 404 for a number that no row can have.
    """
    text = str(visit.request.path_params.get(name, visit.form.get(name, "")))
    number = read_number(text)
    if number is None:
        raise HTTPException(404, say("There is no such number."))
    return number


def read_number(text: str) -> int | None:
    """Return a row's number, or None where no row can have it."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) < 2**31
    return int(text) if is_number else None


def take_choice(given: Mapping[str, str], name: str, choices: type[Choice]) -> Choice | None:
    """Return the choice in a field; None where the field is empty or missing.

    Raises:
        HTTPException: 400 for another word.
    """
    text = given.get(name, "")
    if not text:
        return None
    if text not in set(choices):
        raise HTTPException(400, say("{field} is one of {choices}.", field=name, choices=", ".join(choices)))
    return choices(text)


def take_day(given: Mapping[str, str], name: str) -> datetime | None:
    """Return the beginning of a day in UTC; None where the field is empty or missing.

    Raises:
        HTTPException: 400 for text that is no day.
    """
    text = given.get(name, "")
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise HTTPException(400, say("A day is written YYYY-MM-DD.")) from None
