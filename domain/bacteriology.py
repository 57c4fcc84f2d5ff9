"""Bacteriology: methods, outcomes, and the truth that a person's results give together.

The rule is a composite reference standard in the order of the methods' accuracy: culture and nucleic acid
amplification tests confirm, smear microscopy misses many (WHO consolidated guidelines on tuberculosis, module
3: rapid diagnostics). It is applied to all results of one person near one film.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Method(StrEnum):
    """The method of a bacteriological test for TB."""

    XPERT = "xpert"
    """Xpert MTB/RIF."""
    ULTRA = "ultra"
    """Xpert MTB/RIF Ultra."""
    CULTURE = "culture"
    SMEAR = "smear"
    """Smear microscopy for acid-fast bacilli."""


class Outcome(StrEnum):
    """The outcome of a bacteriological test."""

    POSITIVE = "positive"
    """M. tuberculosis complex; of a smear, acid-fast bacilli."""
    TRACE = "trace"
    """Ultra's lowest category, MTB trace detected."""
    NEGATIVE = "negative"
    NTM = "ntm"
    """Nontuberculous mycobacteria grew: no TB."""
    CONTAMINATED = "contaminated"
    """A culture that shows nothing."""
    INDETERMINATE = "indeterminate"
    """Invalid, error or no result."""
    WITHDRAWN = "withdrawn"
    """The laboratory took the result back; it counts as none."""


class Truth(StrEnum):
    """The truth of a person at the time of a film."""

    TB = "tb"
    NOT_TB = "not_tb"
    UNSURE = "unsure"
    """There are results, and they decide nothing."""


class TruthSource(StrEnum):
    """The truth that scores are measured against. Agreement with reads is not sensitivity for TB."""

    READS = "reads"
    """Radiologists' reads."""
    BACTERIOLOGY = "bacteriology"
    BOTH = "both"
    """Bacteriology where it decides, else reads."""


ALWAYS: Final = frozenset({Outcome.POSITIVE, Outcome.NEGATIVE, Outcome.INDETERMINATE, Outcome.WITHDRAWN})

OUTCOMES: Final = {
    Method.XPERT: ALWAYS,
    Method.ULTRA: ALWAYS | {Outcome.TRACE},
    Method.CULTURE: ALWAYS | {Outcome.CONTAMINATED, Outcome.NTM},
    Method.SMEAR: ALWAYS,
}
"""The outcomes that each method has."""

CONFIRMING: Final = frozenset({Method.XPERT, Method.ULTRA, Method.CULTURE})
EXCLUDING: Final = frozenset({Outcome.NEGATIVE, Outcome.NTM})


def judge(results: Iterable[tuple[Method, Outcome]]) -> Truth:
    """Return the truth that a person's results give together.

    1. A culture, Xpert or Ultra that is positive: TB.
    2. Else a culture that is negative or grew other mycobacteria: not TB, also after an Ultra trace.
    3. Else an Ultra trace: unsure. It may be old TB (previously treated people) or new.
    4. Else a negative Xpert or Ultra: not TB, also where a smear shows acid-fast bacilli.
    5. Else a positive smear: TB. A negative smear alone is unsure, for it misses many.
    """
    known = set(results)
    confirming = {outcome for method, outcome in known if method in CONFIRMING}
    of_culture = {outcome for method, outcome in known if method is Method.CULTURE}
    if Outcome.POSITIVE in confirming:
        return Truth.TB
    if of_culture & EXCLUDING:
        return Truth.NOT_TB
    if Outcome.TRACE in confirming:
        return Truth.UNSURE
    if confirming & EXCLUDING:
        return Truth.NOT_TB
    return Truth.TB if (Method.SMEAR, Outcome.POSITIVE) in known else Truth.UNSURE
