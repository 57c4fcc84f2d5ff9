"""The catalogues hold every message of the sources, translated, with the same values."""

from __future__ import annotations

import string
import unicodedata

import pytest

from domain.languages.catalogue import load_catalogue
from domain.languages.language import LANGUAGES, MOST_RANGES, choose_language
from domain.languages.sentence import say, say_number, say_value
from tests.catalogues import make_template, read_catalogue

TRANSLATED = [code for code in LANGUAGES if code != "en"]


def list_values(message: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(message) if name is not None}


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_message_of_the_sources_is_translated_with_its_values(code: str) -> None:
    template, catalogue = make_template(), read_catalogue(code)
    asked = {(message.context, message.id) for message in template if message.id}
    known = {(message.context, message.id): message for message in catalogue if message.id}
    assert len(asked) > 150, "this test sees messages"
    renew = "run 'python -m tests.catalogues' and translate what is empty"
    assert asked ^ known.keys() == set(), renew
    open_ = [key for key, message in known.items() if message.fuzzy or not message.string]
    assert open_ == [], renew
    for (_, key), message in known.items():
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        sources = key if isinstance(key, tuple) else (key,)
        for text in texts:
            assert text.strip(), key
            scripts = {unicodedata.name(letter).split()[0] for letter in text if letter.isalpha()}
            assert scripts <= {"LATIN", *(["DEVANAGARI"] if code == "hi" else [])}, key
            assert list_values(text) == list_values(sources[-1]), key
            assert "<" not in text or "<" in sources[0], key


def test_a_sentence_is_english_and_translated_with_its_values() -> None:
    sentence = say("refused: {reason}", reason=say_value("not_chest"))
    assert sentence == "refused: not chest"
    french = load_catalogue("fr")
    assert french.translate(sentence) == "refusé : pas un thorax"
    assert french.translate("unsure") == "unsure", "no sentence: a comment, for instance"
    assert french.translate(say("")) == ""
    assert french.translate(str(ValueError(sentence))) == "refusé : pas un thorax", "through an exception"
    assert load_catalogue("en").translate(sentence) == "refused: not chest"
    assert say_number("{number} film", "{number} films", 2) == "2 films"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("fr", "fr"),
        ("FR-ca;q=0.3, hi;q=0.9, en;q=0.1", "hi"),
        ("de, fr;q=0.2", "fr"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("fr;q=0, de", None),
        ("*", None),
        ("", None),
        ("fr;q=nan, hi;q=1e9, fr;q=2", None),
        ("fr;q=-1, fr;q=, ;;;,,,=q", None),
        ("fr;q=٠.٩", None),
        ("../../etc/passwd, fr\0, __class__", None),
        ("x," * MOST_RANGES + "fr", None),
        ("z" * 100_000 + ",fr", None),
        ("hi;q=0.5" + ",fr;q=0.4" * 10_000, "hi"),
    ],
)
def test_any_accept_language_names_a_language_or_none(header: str, code: str | None) -> None:
    chosen = choose_language(header)
    assert (chosen and chosen.code) == code
