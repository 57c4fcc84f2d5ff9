"""Search keys: names and numbers without case, accents and separators, for text that users type."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

KEY_LENGTH: Final = 64
"""Longest key, characters; the rest of a value is not searched."""

MOST_KEYS: Final = 32
"""Largest number of further keys of a study."""

_WITHOUT_SPACES: Final = re.compile(
    "[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""A character of a script in which names are typed without a space: Han, Kana, Hangul (as its letters)."""


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
    return next(iter(_fold_groups(name)), None)


def list_further_keys(name: str | None, patient_id: str | None, accession_number: str | None) -> list[str]:
    """Return the keys by which a study is found besides those of its columns, distinct, at most `MOST_KEYS`.

    A name is found by each of its words, then the words from there on and those before it, and by the family
    name with any given name; by each of its component groups (PS3.5 6.2.1.1); and, in scripts that need
    none, without spaces. Numbers are found from each of their words on.

    >>> list_further_keys("Yamada^Tarou=山田^太郎", "17", "CXR-2026-0042")
    ['tarou yamada', '山田 太郎', '太郎 山田', '山田太郎', '2026-0042', '0042']
    """
    groups = _fold_groups(name)
    keys = [key for group in groups for key in _list_name_keys(group)]
    numbers = [fold(patient_id), fold(accession_number)]
    keys += [number[at:] for number in numbers if number for at in _find_words(number)]
    known = {*groups[:1], *numbers}
    return [key for key in dict.fromkeys(key[:KEY_LENGTH].strip() for key in keys) if key not in known][
        :MOST_KEYS
    ]


def begins_word(text: str, beginning: str) -> bool:
    """True when a word of a folded text begins with a folded beginning.

    >>> begins_word("room-12 north", "no")
    True
    """
    return any(text.startswith(beginning, at) for at in (0, *_find_words(text)))


def _fold_groups(name: str | None) -> list[str]:
    """Return the component groups of a person name that are not empty, folded."""
    folded = (fold(re.sub(r"[\^,]", " ", group)) for group in (name or "").split("="))
    return [group for group in folded if group]


def _list_name_keys(group: str) -> list[str]:
    keys = [group]
    family = group.split(" ")[0]
    for at in _find_words(group):
        before = group[:at].strip(" -'.")
        keys.append(f"{group[at:]} {before}")
        if before.startswith(f"{family} "):
            keys.append(f"{family} {group[at:]}")
    if " " in group and _WITHOUT_SPACES.search(group):
        keys.append(group.replace(" ", ""))
    return keys


def _find_words(text: str) -> list[int]:
    """Return where the words after the first begin."""
    return [found.start() for found in re.finditer(r"(?<=[\W_])[^\W_]", text)]
