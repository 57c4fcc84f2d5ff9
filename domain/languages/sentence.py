"""English text that remembers the message and the values it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Sentence(str):
    """English text for people. A page in another language shows it by `Catalogue.translate`.

    Attributes:
        message: the message in the catalogues, with values in braces as in `str.format`.
        context: the things of which a word is said that other languages inflect; else None.
        plural: the message for other numbers than one; None where no number decides.
        number: the number that decides between both messages.
        values: the values by name. Those that are sentences are translated, too.
    """

    message: str
    context: str | None
    plural: str | None
    number: int
    values: Mapping[str, Any]

    def __str__(self) -> Sentence:  # an exception's text stays a sentence
        return self


def say(message: str, /, **values: Any) -> Sentence:
    """Return a message with its values as English text.

    Args:
        message: a literal, which the catalogues have as their key.
        values: for the braces of the message.
    """
    return _make(message, None, 1, values)


def say_of(context: str, message: str, /) -> Sentence:
    """Return a word that other languages inflect.

    Args:
        context: the things of which it is said, a literal such as "studies".
        message: the word, a literal.
    """
    sentence = _make(message, None, 1, {})
    sentence.context = context
    return sentence


def say_number(message: str, plural: str, number: int, /, **values: Any) -> Sentence:
    """Return the message for one thing or the one for several; both may name the number as `{number}`.

    Args:
        message: a literal, for the number 1.
        plural: a literal, for other numbers in English.
        number: the number of things.
        values: for the braces of the message.
    """
    return _make(message, plural, number, {"number": number, **values})


def say_value(code: object) -> Sentence:
    """Return a coded value as words: `not_chest` as "not chest"."""
    return _make(str(code).replace("_", " "), None, 1, {})


def join(parts: Sequence[Sentence]) -> Sentence:
    """Return sentences or words with commas between them."""
    together, *others = parts or (_make("", None, 1, {}),)
    for part in others:
        together = say("{before}, {after}", before=together, after=part)
    return together


def join_statements(parts: Sequence[Sentence]) -> Sentence:
    """Return statements as one sentence: semicolons between them, and a full stop."""
    together, *others = parts
    for part in others:
        together = say("{before}; {after}", before=together, after=part)
    return say("{reason}.", reason=together)


def _make(message: str, plural: str | None, number: int, values: Mapping[str, Any]) -> Sentence:
    chosen = message if plural is None or number == 1 else plural
    sentence = Sentence(chosen.format(**values) if values else chosen)
    sentence.message, sentence.plural, sentence.context = message, plural, None
    sentence.number, sentence.values = number, values
    return sentence
