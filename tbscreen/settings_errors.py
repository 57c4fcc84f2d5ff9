"""Errors of settings as sentences: the key, its value unless it may hold a secret, and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from pydantic_core import ErrorDetails

from domain.errors import write_reason

LIST_COMMAND: Final = "'tbscreen settings' lists all settings"

CREDENTIALS: Final = re.compile(r"://[^/]*@")
"""A URL with a user or a password (RFC 3986 3.2.1)."""

SENTENCES: Final[Mapping[str, str]] = {
    "int_parsing": "a whole number is needed",
    "int_type": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "float_parsing": "a number is needed",
    "float_type": "a number is needed",
    "finite_number": "a finite number is needed",
    "bool_parsing": "true or false is needed",
    "bool_type": "true or false is needed",
    "string_type": "a text in quotes is needed",
    "path_type": "a path in quotes is needed",
    "tuple_type": "a list is needed",
    "list_type": "a list is needed",
    "model_type": "a table is needed",
    "model_attributes_type": "a table is needed",
    "greater_than": "more than {gt} is needed",
    "greater_than_equal": "at least {ge} is needed",
    "less_than": "less than {lt} is needed",
    "less_than_equal": "at most {le} is allowed",
    "literal_error": "allowed are {expected}",
    "enum": "allowed are {expected}",
    "string_too_short": "at least {min_length} characters are needed",
    "string_too_long": "at most {max_length} characters are allowed",
    "too_short": "at least {min_length} are needed",
    "too_long": "at most {max_length} are allowed",
}
"""Sentences for the types of errors of Pydantic (https://docs.pydantic.dev/latest/errors/validation_errors/)."""


def explain(error: ErrorDetails, known: Sequence[str], secrets: Collection[str]) -> str:
    """Return one error of a validation as a sentence.

    Args:
        error: of Pydantic.
        known: every key of the settings, as `gateway.port`.
        secrets: keys of values that are not shown.
    """
    location = error["loc"]
    if not location:
        return _write_message(error)
    place = _write_place(location, error)
    if error["type"] == "extra_forbidden":
        return f"{place}: there is no such setting{suggest(location, known)}. {LIST_COMMAND}"
    if error["type"] == "missing":
        return f"{place} is missing"
    value = error["input"]
    if not set(secrets).isdisjoint(map(str, location)) or CREDENTIALS.search(str(value)):
        return f"{place} = (hidden): {_write_message(error)}"
    if isinstance(value, dict | list | tuple):  # what is wrong is how keys of a table go together
        return f"{place}: {_write_message(error)}"
    return f"{place} = {value!r}: {_write_message(error)}"


def suggest(location: Sequence[str | int], known: Sequence[str]) -> str:
    """Return the nearest known key as a question, or nothing."""
    wanted = [str(part) for part in location if isinstance(part, str)]
    tables = {key.partition(".")[0]: key.partition(".")[0] for key in known}
    names = {key.rpartition(".")[2]: key for key in reversed(known)}
    for text, candidates in (
        (".".join(wanted), {**tables, **dict(zip(known, known, strict=True))}),
        (wanted[-1], names),
    ):
        for near in get_close_matches(text, candidates, n=1, cutoff=0.75):
            return f" (did you mean {candidates[near]}?)"
    return ""


def _write_place(location: Sequence[str | int], error: ErrorDetails) -> str:
    """Return `gateway.port`, or for an entry of a list of tables `[[peers]] number 2 ('pacs'): port`."""
    table, *rest = location
    if not rest or not isinstance(rest[0], int):
        return ".".join(str(part) for part in location)
    # Of a missing key, or of keys that do not go together, the input is the whole entry.
    entry = error["input"] if (error["type"], len(location)) in (("missing", 3), ("value_error", 2)) else None
    name = f" ({entry['name']!r})" if isinstance(entry, dict) and isinstance(entry.get("name"), str) else ""
    field = ".".join(str(part) for part in rest[1:])
    return f"[[{table}]] number {rest[0] + 1}{name}" + (f": {field}" if field else "")


def _write_message(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    alternatives = re.fullmatch(r"\^\(([\w|-]+)\)\$", str(context.get("pattern", "")))
    if alternatives:
        return f"allowed are {', '.join(alternatives[1].split('|'))}"
    sentence = SENTENCES.get(error["type"])
    if sentence is not None:
        return sentence.format(**context)
    return write_reason(str(error["msg"]))
