"""The messages of one language, read once in each process from its PO file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any, Final

from domain.languages.language import ENGLISH, LANGUAGES, Language
from domain.languages.sentence import Sentence

CATALOGUES: Final = Path(__file__).parent / "catalogues"


class Catalogue:
    """The messages of one language.

    Args:
        language: the language.
        translations: its messages.
        scripts: its messages that the page's scripts use, by their English text.
    """

    def __init__(
        self, language: Language, translations: NullTranslations, scripts: Mapping[str, str]
    ) -> None:
        self.language = language
        self.scripts = scripts
        self._translations = translations

    def translate(self, text: str) -> str:
        """Return a sentence in this language; other text, such as a comment, as it is."""
        if not isinstance(text, Sentence):
            return text
        if text.context is not None:
            message = self._translations.pgettext(text.context, text.message)
        elif text.plural is None:
            message = self.find_message(text.message)
        else:
            message = self._translations.ngettext(text.message, text.plural, text.number)
        if not text.values:
            return message
        values: dict[str, Any] = {
            name: self.translate(value) if isinstance(value, Sentence) else value
            for name, value in text.values.items()
        }
        return message.format(**values)

    def find_message(self, message: str) -> str:
        """Return a message in this language, with its braces."""
        return self._translations.gettext(message) if message else message

    def find_number_message(self, message: str, plural: str, number: int) -> str:
        """Return the message for a number of things in this language, with its braces."""
        return self._translations.ngettext(message, plural, number)


@cache
def load_catalogue(code: str) -> Catalogue:
    """Return the messages of a language, by its code."""
    language = LANGUAGES[code]
    if language is ENGLISH:
        return Catalogue(language, NullTranslations(), {})
    # Babel is needed by those processes alone that show another language.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (CATALOGUES / f"{code}.po").open("rb") as file:
        messages = read_po(file, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    scripts = {
        str(message.id): str(message.string)
        for message in messages
        if message.string and any(path.endswith(".js") for path, _ in message.locations)
    }
    return Catalogue(language, GNUTranslations(compiled), scripts)
