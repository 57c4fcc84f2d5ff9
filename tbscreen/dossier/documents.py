"""Documents of tbscreen that go into a dossier: of the checkout, or as the wheel installs them."""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import PermanentError

CHECKOUT: Final = Path(__file__).parents[2]
INSTALLED: Final = Path(sysconfig.get_path("data")) / "share" / "doc" / "tbscreen"


@dataclass(frozen=True)
class Document:
    """One document."""

    name: str
    """In the dossier."""
    source: str
    """In the checkout."""
    about: str


DOCUMENTS: Final = (
    Document(
        "threat-model.md", "docs/administrator/security.md", "Attacks, defences, the test of each, and limits"
    ),
    Document(
        "models.md", "docs/models/README.md", "Figures of the models, good and bad, with their commands"
    ),
    Document(
        "statistics.md",
        "docs/models/calibration-study.md",
        "Statistics of a calibration study, and their proof",
    ),
    Document("targets.md", "docs/models/who-targets.md", "WHO's target product profiles: what was read"),
    Document(
        "chaos.md", "docs/developer/chaos.md", "Failures injected into a running site, and what was lost"
    ),
    Document("robustness.md", "docs/developer/robustness.md", "Hostile and damaged films"),
    Document("benchmarks.md", "docs/benchmarks.md", "Measurements, with their commands"),
    Document("changes.md", "CHANGELOG.md", "Changes of each version"),
    Document(
        "bundled-libraries.cdx.json",
        "requirements/bundled.cdx.json",
        "C libraries inside the packages (CycloneDX)",
    ),
)


def read_document(document: Document) -> bytes:
    """Return a document's content.

    Raises:
        PermanentError: when the installation has no documents.
    """
    for path in (CHECKOUT / document.source, INSTALLED / Path(document.source).name):
        if path.is_file():
            return path.read_bytes()
    raise PermanentError(
        f"{INSTALLED} has no {Path(document.source).name}: install tbscreen from its wheel again"
    )
