"""A change of the model or threshold that new films are judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.languages.sentence import Sentence


@dataclass(frozen=True)
class ModelChange:
    """A change that was made."""

    record: str
    """The change, for its audit record; empty where nothing was changed."""
    told: Sequence[Sentence]
    """Sentences for the person."""
