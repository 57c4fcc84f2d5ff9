"""Words for the truth of a report: reads, bacteriology or both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.bacteriology import TruthSource
from domain.languages.sentence import Sentence, say, say_of


@dataclass(frozen=True)
class TruthWords:
    """Words for one truth."""

    name: Sentence
    """As in "ROC curve against radiologists' reads"."""
    short: Sentence
    """As in "Sensitivity against reads"."""
    party: Sentence
    """As in "Model and radiologist disagree"."""
    judged: Sentence
    """As in "12 studies read as TB"."""
    limits: Sentence
    """The weakness of this truth, in a sentence."""


WORDS: Final[Mapping[TruthSource, TruthWords]] = {
    TruthSource.READS: TruthWords(
        say("radiologists' reads"),
        say("reads"),
        say("radiologist"),
        say_of("studies", "read"),
        say(
            "A read is a radiologist's opinion and no proof of tuberculosis; the reader may have seen the "
            "score; and studies without a read are not in these figures."
        ),
    ),
    TruthSource.BACTERIOLOGY: TruthWords(
        say("bacteriology"),
        say("bacteriology"),
        say("bacteriology"),
        say_of("studies", "tested"),
        say(
            "Who is tested often depends on the score, and then sensitivity looks higher than it is "
            "(verification bias); and studies without a result are not in these figures."
        ),
    ),
    TruthSource.BOTH: TruthWords(
        say("bacteriology, else reads"),
        say("bacteriology, else reads"),
        say("bacteriology or radiologist"),
        say_of("studies", "judged"),
        say(
            "These figures mix two truths, and none of them is sensitivity for TB: a read is a radiologist's "
            "opinion, and who is tested often depends on the score; and studies without a verdict are not in "
            "these figures."
        ),
    ),
}


def find_words(truth: str) -> TruthWords:
    """Return the words for the truth of a report."""
    return WORDS[TruthSource(truth)]
