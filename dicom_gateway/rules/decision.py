"""The decision on one film, and the rule that made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.codes import Doubt, Refusal


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

    @property
    def explanation(self) -> str:
        """The text that the database stores and people read."""
        return f"{self.detail} (rule {self.rule})" if self.rule else self.detail


PASSED: Final = Decision(None, "")
"""Decision of a rule that a film passes."""
