"""The decision on one film, and the rule that made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.codes import Doubt, Observation, Refusal


@dataclass(frozen=True)
class Decision:
    """A refusal, or the doubts with which the film is screened, and the rule that decided."""

    refusal: Refusal | None
    detail: str
    doubts: tuple[Doubt, ...] = ()
    rule: str = ""
    """Name of a site's rule or of a default rule; empty where no rule applied."""

    kind_unknown: bool = False
    """True where the header indicates neither an X-ray nor a chest, so that the pixels alone decide."""

    settled: tuple[Doubt, ...] = ()
    """Doubts that the header excludes by what it states: of a chest, of a frontal view."""

    observations: tuple[Observation, ...] = ()
    """Properties that were judged from the pixels."""

    contested: tuple[Doubt, ...] | None = None
    """For a refusal by a description or the patient's orientation alone: the doubts with which the film is
    screened if its pixels show a frontal chest film. None for a refusal that stands whatever they show."""

    @property
    def says_nothing(self) -> bool:
        """True where the header tells neither part of the body nor view."""
        unknown = Doubt.BODY_PART_UNKNOWN in self.doubts and Doubt.VIEW_UNKNOWN in self.doubts
        return unknown or self.kind_unknown

    @property
    def explanation(self) -> str:
        """The text that the database stores and people read."""
        return f"{self.detail} (rule {self.rule})" if self.rule else self.detail


PASSED: Final = Decision(None, "")
"""Decision of a rule that a film passes."""
