"""What is decided of one film, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.codes import Doubt, Refusal


@dataclass(frozen=True)
class Verdict:
    """Either a refusal or the doubts with which the film is screened, and which rule decided."""

    refusal: Refusal | None
    detail: str
    doubts: tuple[Doubt, ...] = ()
    rule: str = ""
    """Name of a site's rule or of a default rule; that of no rule where none had anything to say."""

    kind_unknown: bool = False
    """True where nothing in the header speaks of an X-ray or of a chest: the pixels alone must tell."""

    @property
    def explanation(self) -> str:
        """What is kept in db and shown to people."""
        return f"{self.detail} (rule {self.rule})" if self.rule else self.detail


PASSED: Final = Verdict(None, "")
"""What a rule says of a film to which it has no objection."""
