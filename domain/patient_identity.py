"""The patient that a film's header names, compared as archives coerce it.

Archives change case, spaces, trailing carets, component groups, accents and issuers, and fill or empty
values. None of these is a difference, and neither is a value that is absent on one side.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

UNREADABLE: Final = re.compile(r"[?*\ufffd]")
"""Characters that archives put in the place of those that their character set lacks."""

DIGRAPHS: Final = (("ue", "u"), ("oe", "o"), ("ae", "a"), ("aa", "a"))
"""Two letters for one with an accent, and the letter alone: Mueller, Müller and Muller are one name."""

LETTERS: Final = str.maketrans({"ø": "o", "æ": "a", "œ": "o", "ł": "l", "đ": "d", "ı": "i"})
"""Letters that Unicode does not decompose."""


@dataclass(frozen=True)
class Patient:
    """A patient as a header gives it. Holds patient data: never log it."""

    patient_id: str | None = None
    patient_id_issuer: str | None = None
    """Issuer of Patient ID (0010,0021)."""
    patient_name: str | None = None
    """VR PN, its component groups separated by `=` (PS3.5 6.2.1)."""
    patient_birth_date: str | None = None
    patient_sex: str | None = None


def read_patient(header: Mapping[str, Any]) -> Patient:
    """Return the patient of a header in the DICOM JSON model (PS3.18 F.2), cut as the tables cut it."""
    return Patient(
        _read(header, "00100020", 256),
        _read(header, "00100021", 64),
        _read(header, "00100010", 512),
        write_date(_read(header, "00100030", 10)),
        _read(header, "00100040", 16),
    )


def write_date(text: str | None) -> str | None:
    """Return a value of VR DA in at most 8 characters; ACR-NEMA wrote YYYY.MM.DD (PS3.5 6.2).

    >>> write_date("2024.05.06")
    '20240506'
    """
    return (text or "").replace(".", "")[:8] or None


def find_differences(first: Patient, second: Patient) -> tuple[str, ...]:
    """Return the fields that name different patients: `patient_id`, `patient_birth_date`, `patient_name`."""
    return tuple(name for name, is_same in _compare(first, second).items() if is_same is False)


def is_same_patient(first: Patient, second: Patient) -> bool:
    """True when a film of one patient may be a correction of a film of the other.

    Where nothing differs, it is the same patient. A patient whose name or birth date was corrected is the
    same if the other of the two and the patient ID agree. A different patient ID is another patient.
    """
    compared = _compare(first, second)
    differing = [name for name, is_same in compared.items() if is_same is False]
    if not differing:
        return True
    return "patient_id" not in differing and list(compared.values()).count(True) == 2


def fold_patient_id(text: str | None) -> str:
    """Return a patient ID without case and spaces, and without the components of an HL7 CX."""
    return "".join(_fold((text or "").partition("^")[0]).split())


def fold_issuer(text: str | None) -> str:
    """Return an issuer as it is compared: without case, spaces and the further parts of an HL7 HD."""
    return fold_patient_id((text or "").partition("&")[0])


def _compare(first: Patient, second: Patient) -> dict[str, bool | None]:
    """Return for each field whether it agrees; None where one side is absent."""
    return {
        "patient_id": _compare_ids(first, second),
        "patient_birth_date": _compare_dates(first.patient_birth_date, second.patient_birth_date),
        "patient_name": _compare_names(first.patient_name, second.patient_name),
    }


def _compare_ids(first: Patient, second: Patient) -> bool | None:
    same = _compare_values(fold_patient_id, first.patient_id, second.patient_id)
    issuers = _compare_values(fold_issuer, first.patient_id_issuer, second.patient_id_issuer)
    # The same number of two issuers is two patients.
    return False if same and issuers is False else same


def _compare_values(fold: Callable[[str | None], str], first: str | None, second: str | None) -> bool | None:
    folded = fold(first), fold(second)
    return folded[0] == folded[1] if all(folded) else None


def _compare_dates(first: str | None, second: str | None) -> bool | None:
    """Compare dates; of a year or month alone, as far as it goes."""
    shorter, longer = sorted((_fold_date(first), _fold_date(second)), key=len)
    return longer.startswith(shorter) if shorter else None


def _fold_date(text: str | None) -> str:
    digits = "".join(re.findall("[0-9]", text or ""))
    return digits if digits.strip("0") else ""


def _compare_names(first: str | None, second: str | None) -> bool | None:
    """Compare the component groups that both names have; a group that differs is a different name.

    A group that an archive moved to another place, such as ideographs in place of letters, does not differ.
    """
    names = [[_split_name(group) for group in (name or "").split("=")] for name in (first, second)]
    results = [_compare_groups(*pair) or _is_elsewhere(pair, names) for pair in zip(*names, strict=False)]
    known = [result for result in results if result is not None]
    return all(known) if known else None


def _compare_groups(first: Sequence[str], second: Sequence[str]) -> bool | None:
    if not first or not second:
        return None
    fewer, more = sorted((set(first), set(second)), key=len)
    return fewer <= more or "".join(first) == "".join(second)


def _is_elsewhere(pair: Sequence[list[str]], names: Sequence[Sequence[list[str]]]) -> bool | None:
    if not all(pair):
        return None
    return pair[0] in names[1] or pair[1] in names[0]


def _split_name(group: str) -> list[str]:
    """Return the words of a component group without case, accents and signs; none if it is unreadable.

    >>> _split_name("MÜLLER-O'Brien^Jürgen^^Dr.")
    ['muller', 'obrien', 'jurgen', 'dr']
    """
    if UNREADABLE.search(group):
        return []
    text = _fold(group).translate(LETTERS)
    for pair, letter in DIGRAPHS:
        text = text.replace(pair, letter)
    return re.sub(r"[\^,\-\s]+", " ", re.sub(r"['’`.]", "", text)).split()


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("\0", ""))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).casefold()


def _read(header: Mapping[str, Any], tag: str, length: int) -> str | None:
    element = header.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    if not isinstance(values, list):
        return None
    text = "\\".join(_to_text(value) for value in values if value is not None)
    return text.strip()[:length] or None


def _to_text(value: object) -> str:
    if isinstance(value, Mapping):  # a person name
        groups = [str(value.get(name, "")) for name in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return str(value)
