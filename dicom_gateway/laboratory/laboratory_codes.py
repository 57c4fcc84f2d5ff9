"""Codes and words of tests and of their results, as laboratories send them in OBX-3 and OBX-5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from db.bacteriology.laboratory_words import WORDS
from dicom_gateway.laboratory.laboratory_settings import LaboratorySettings
from domain.bacteriology import Method, Outcome

LOINC: Final = frozenset({"LN", "LOINC"})
SNOMED: Final = frozenset({"SCT", "SNM", "SNOMED", "SNOMED-CT"})

LOINC_METHODS: Final = {
    "539-7": Method.CULTURE,
    "89636-5": Method.CULTURE,
    "11477-7": Method.SMEAR,
}
"""Mycobacterium sp identified in sputum, and in a lower respiratory specimen, by organism specific culture;
microscopic observation in sputum by acid fast stain. LOINC's codes of nucleic acid tests do not tell Xpert
from Ultra, whose results mean different things: a site maps its own."""

SNOMED_OUTCOMES: Final = {
    "10828004": Outcome.POSITIVE,
    "260373001": Outcome.POSITIVE,
    "260385009": Outcome.NEGATIVE,
    "260415000": Outcome.NEGATIVE,
    "82334004": Outcome.INDETERMINATE,
}
"""Positive, detected, negative, not detected, indeterminate (qualifier values)."""


def find_methods(components: Sequence[str], settings: LaboratorySettings) -> set[Method]:
    """Return the methods that the codes of a test name; empty for a test that is no bacteriology for TB.

    Args:
        components: of OBX-3: code, text, system, and again for the alternate code.
        settings: the site's codes, which go before LOINC's.
    """
    padded = [*components, *[""] * 6]
    pairs = [(padded[at], padded[at + 2].upper()) for at in (0, 3) if padded[at]]
    found = {
        entry.method
        for entry in settings.codes
        for code, system in pairs
        if entry.code == code and entry.system.upper() in ("", system)
    }
    if found:
        return found
    return {LOINC_METHODS[code] for code, system in pairs if system in LOINC and code in LOINC_METHODS}


def find_outcomes(components: Sequence[str], settings: LaboratorySettings) -> set[Outcome]:
    """Return the outcomes that the codes and words of a result name; empty where none is known.

    Args:
        components: of OBX-5: a text alone; or code, text, system, and again for the alternate code.
        settings: the site's codes and words.
    """
    padded = [*components, *[""] * 6]
    words = {_fold(padded[at]) for at in (0, 1, 3, 4)} - {""}
    known = {_fold(entry.value): entry.outcome for entry in settings.values}
    found = {known[word] for word in words if word in known}
    if found:
        return found
    coded = {
        SNOMED_OUTCOMES[padded[at]]
        for at in (0, 3)
        if padded[at + 2].upper() in SNOMED and padded[at] in SNOMED_OUTCOMES
    }
    return coded | {WORDS[word] for word in words if word in WORDS}


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
