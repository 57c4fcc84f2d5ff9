"""The decision on one film, and the rule that made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.codes import Doubt, Refusal


@dataclass(frozen=True)
class Decision:
    """Either a refusal or the doubts with which the film is screened, and which rule decided."""

    refusal: Refusal | None
    detail: str
    doubts: tuple[Doubt, ...] = ()
    rule: str = ""
    """Name of a site's rule or of a default rule; empty where no rule applied."""

    kind_unknown: bool = False
    """True where nothing in the header speaks of an X-ray or of a chest: the pixels alone must tell."""

    @property
    def explanation(self) -> str:
        """Text that is stored in db and shown to people."""
        return f"{self.detail} (rule {self.rule})" if self.rule else self.detail


PASSED: Final = Decision(None, "")
"""Decision of a rule that has no objection to a film."""
