"""The languages, and the one that a browser prefers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

FONTS: Final = Path(__file__).parent / "fonts"

LATIN: Final = "NotoSansDevanagari-Regular.ttf"
"""A font with the Latin letters of all languages here, for pictures."""

LONGEST_HEADER: Final = 1000
"""Most characters of an Accept-Language field that are read; browsers send less than 200."""
MOST_RANGES: Final = 32
"""Most languages of an Accept-Language field that are read."""


@dataclass(frozen=True)
class Language:
    """A language.

    Attributes:
        code: its primary subtag (RFC 5646 2.2.1), the name of its catalogue.
        name: its own name.
        english_name: its name in English.
        direction: of its script, `ltr` or `rtl`, as HTML's attribute `dir`.
        font: a file in `fonts/` that has its letters and the Latin ones; None where every font has them.
        checked: True when a clinician who is a native speaker has checked the translation.
    """

    code: str
    name: str
    english_name: str
    direction: Literal["ltr", "rtl"] = "ltr"
    font: str | None = None
    checked: bool = False


ENGLISH: Final = Language("en", "English", "English", checked=True)

LANGUAGES: Final = {
    language.code: language
    for language in (
        ENGLISH,
        Language("fr", "Français", "French"),
        Language("hi", "हिन्दी", "Hindi", font=LATIN),
    )
}
"""All languages by code."""


def choose_language(header: str) -> Language | None:
    """Return the language that a browser prefers, or None where there is none of its languages here.

    Args:
        header: the field Accept-Language (RFC 9110 12.5.4), from anybody. What cannot be read is passed over.
    """
    weighed = []
    for place, text in enumerate(header[:LONGEST_HEADER].split(",")[:MOST_RANGES]):
        tag, _, parameter = text.strip().partition(";")
        language = LANGUAGES.get(tag.strip().partition("-")[0].lower())
        weight = _read_weight(parameter)
        if language is not None and weight > 0:
            weighed.append((-weight, place, language))
    return min(weighed, key=lambda entry: entry[:2])[2] if weighed else None


def _read_weight(parameter: str) -> float:
    """Return the weight (RFC 9110 12.4.2), 0..1: 1 without one, 0 for one that cannot be read."""
    name, _, value = parameter.replace(" ", "").partition("=")
    if not name:
        return 1.0
    is_plain = name.lower() == "q" and value.isascii() and value.replace(".", "", 1).isdecimal()
    return float(value) if is_plain and len(value) <= 5 and float(value) <= 1 else 0.0
