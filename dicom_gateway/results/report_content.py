"""The content of the SR of one screening: the values in which such documents differ."""

from __future__ import annotations

from dataclasses import dataclass

from dicom_gateway.results.sr_document import DocumentFacts
from domain.codes import Finding
from domain.regions import Outline, Region


@dataclass(frozen=True, eq=False)
class ReportContent:
    """The content of one SR."""

    facts: DocumentFacts
    finding: Finding
    certainty: float
    """Percent."""
    threshold: float
    """Percent."""
    algorithm_uid: str
    """Device UID of the model's bundle."""
    model: str
    version: str
    parameters: tuple[str, ...]
    """Parameters of the algorithm, as text."""
    lines: tuple[str, ...]
    """The result in short lines."""
    remarks: str
    field: Outline | None
    """The analysed field; None where the header lacks the film's size."""
    regions: tuple[Region, ...]

    @property
    def texts(self) -> dict[str, str]:
        """The texts by the name of their place."""
        return {
            "model": self.model,
            "version": self.version,
            "remarks": self.remarks,
            **{f"parameter {number}": text for number, text in enumerate(self.parameters)},
            **{f"line {number}": text for number, text in enumerate(self.lines)},
        }
