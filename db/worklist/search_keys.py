"""Search keys: names and numbers without case, accents and separators, for text that users type."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

KEY_LENGTH: Final = 64
"""Longest key, characters; the rest of a value is not searched."""


def fold_letters(text: str) -> str:
    """Return `text` without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()


def fold(text: str | None) -> str | None:
    """Return `text` without case, accents and surplus spaces, or None if it is empty then.

    >>> fold("  MÜLLER  Jürgen ")
    'muller jurgen'
    """
    return " ".join(fold_letters(text or "").replace("\0", " ").split())[:KEY_LENGTH].strip() or None


def fold_name(name: str | None) -> str | None:
    """Return the key of a person name (PS3.5 6.2, VR PN): its first component group that is not empty.

    >>> fold_name("Yamada^Tarou=山田^太郎")
    'yamada tarou'
    """
    groups = (re.sub(r"[\^,]", " ", group) for group in (name or "").split("="))
    return fold(next((group for group in groups if group.strip()), None))
