"""The base classes of the errors that tbscreen raises."""

from __future__ import annotations


class TbscreenError(Exception):
    """Base class of all errors of tbscreen, permanent or transient. The message says what to do."""


class PermanentError(TbscreenError):
    """An error that stays until its cause is removed; the message says how."""


class TransientError(TbscreenError):
    """An error that may disappear; a later attempt may succeed."""


def write_reason(message: str) -> str:
    """Return the message of a Pydantic error as its validator wrote it, without the library's prefix."""
    return message.removeprefix("Value error, ")
