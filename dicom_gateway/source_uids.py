"""UIDs of films as their headers have them, also those that break the rules (PS3.5 9.1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import MutableSequence
from dataclasses import dataclass
from typing import Any, Final

from pydicom.dataset import Dataset

from dicom_gateway.identifiers import derive_uid

LONGEST: Final = 64
"""Longest UID, characters."""
KEPT_OF_LONG: Final = 47
"""Characters that are kept of a longer value; the digest of the whole keeps two of them apart."""
VALID: Final = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
PADDED: Final = re.compile(r"[0-9]+(\.[0-9]+)+")
"""A UID, or what is one but for leading zeros."""


@dataclass(frozen=True)
class NamedUid:
    """A UID as an object of ours names it."""

    uid: str
    fault: str = ""
    """The fault of the film's value, and what is done about it, as a sentence; empty for a valid UID."""


def read_uid(dataset: Dataset, keyword: str) -> str | None:
    r"""Return a UID as text of at most 64 characters, or None if it is absent or empty.

    Several values are separated by a backslash, as in the film, and what cannot be printed is written \x0a. A
    longer text is cut, and ends in a digest.
    """
    text = "\\".join(read_values(dataset, keyword))
    text = "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)
    if len(text) > LONGEST:
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        text = f"{text[:KEPT_OF_LONG]}~{digest[: LONGEST - KEPT_OF_LONG - 1]}"
    return text or None


def read_values(dataset: Dataset, keyword: str) -> list[str]:
    """Return the values of an element of any value representation that are not empty, as text."""
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001  any parser error; its text may quote patient data
        return []
    values = value if isinstance(value, MutableSequence) else [value]
    return [text for text in map(_read_text, values) if text]


def _read_text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if value is None or isinstance(value, Dataset):
        return ""
    return str(value).replace("\0", "").strip()


def name_uid(dataset: Dataset, keyword: str) -> NamedUid | None:
    """Return the valid UID that is nearest to the film's; None if the film has none.

    That is the first valid value, else the first that is one but for leading zeros, else a UID that derives
    from the value. Leading zeros are kept: other systems know the image under its UID as it is, and the UID
    without them may be another patient's.
    """
    values = read_values(dataset, keyword)
    if not values:
        return None
    valid = [value for value in values if len(value) <= LONGEST and VALID.fullmatch(value)]
    padded = [value for value in values if len(value) <= LONGEST and PADDED.fullmatch(value)]
    about = f"The image's {_spell(keyword)}"
    if valid:
        several = f"{about} has {len(values)} values; this object names the first that is valid."
        return NamedUid(valid[0], several if len(values) > 1 else "")
    if padded:
        zeros = "has leading zeros (PS3.5 9.1)"
        return NamedUid(padded[0], f"{about} {zeros}; this object names it unchanged, as the image does.")
    return NamedUid(
        derive_uid("uid of a film", *values),
        f"{about} is not a UID (PS3.5 9.1); this object names one that derives from it.",
    )


def _spell(keyword: str) -> str:
    """Return a keyword as words: `StudyInstanceUID` as "Study Instance UID"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=SOP)(?=I)", " ", keyword)
