"""Words for the truth of a report: reads, bacteriology or both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.bacteriology import TruthSource


@dataclass(frozen=True)
class TruthWords:
    """Words for one truth."""

    name: str
    """As in "ROC curve against radiologists' reads"."""
    short: str
    """As in "Sensitivity against reads"."""
    party: str
    """As in "Model and radiologist disagree"."""
    judged: str
    """As in "12 studies read as TB"."""
    limits: str
    """The weakness of this truth, in a sentence."""


PARTIAL: Final = "and studies without a {} are not in these figures."

WORDS: Final[Mapping[TruthSource, TruthWords]] = {
    TruthSource.READS: TruthWords(
        "radiologists' reads",
        "reads",
        "radiologist",
        "read",
        "A read is a radiologist's opinion and no proof of tuberculosis; the reader may have seen the score; "
        + PARTIAL.format("read"),
    ),
    TruthSource.BACTERIOLOGY: TruthWords(
        "bacteriology",
        "bacteriology",
        "bacteriology",
        "tested",
        "Who is tested often depends on the score, and then sensitivity looks higher than it is "
        "(verification bias); " + PARTIAL.format("result"),
    ),
    TruthSource.BOTH: TruthWords(
        "bacteriology, else reads",
        "bacteriology, else reads",
        "bacteriology or radiologist",
        "judged",
        "These figures mix two truths, and none of them is sensitivity for TB: a read is a radiologist's "
        "opinion, and who is tested often depends on the score; " + PARTIAL.format("verdict"),
    ),
}


def find_words(truth: str) -> TruthWords:
    """Return the words for the truth of a report."""
    return WORDS[TruthSource(truth)]
