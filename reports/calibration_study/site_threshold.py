"""The recommended threshold of a calibration study as a record of a site threshold, which is signed."""

from __future__ import annotations

from typing import Any, Final

from db.models.site_thresholds import NAME, ChangeEntry, SiteThresholdEntry
from domain.bundle.manifest import Manifest, OperatingPoint
from domain.errors import PermanentError
from domain.notices import NOTICE
from reports.calibration_study.analysis import StudyAnalysis
from reports.calibration_study.pages import compose_sections
from reports.sections import Section
from reports.site_threshold.sheet import describe_change, head_sheet
from reports.text_form import render_sections

STUDY: Final = "study"
"""Key of the analysis in the record."""


def make_record(analysis: StudyAnalysis, manifest: Manifest) -> dict[str, Any]:
    """Return the record of the recommended threshold, as `db.models.site_thresholds.keep` takes it.

    HIGH begins at the bundle's rule-in threshold, or at the recommended one where that is higher.

    Args:
        analysis: an analysis with a recommendation.
        manifest: manifest of the bundle.

    Raises:
        PermanentError: when no threshold is recommended.
    """
    chosen = analysis.recommended
    if chosen is None:
        raise PermanentError(f"no threshold is recommended: {analysis.refusal}")
    figures = chosen.cross_fitted or chosen.accuracy
    screening = OperatingPoint(
        name="screening",
        threshold=chosen.threshold,
        sensitivity=None if figures.sensitivity is None else figures.sensitivity.value,
        specificity=None if figures.specificity is None else figures.specificity.value,
    )
    rule_in = max(manifest.find_operating_point("rule_in").threshold, chosen.threshold)
    points = [screening, OperatingPoint(name="rule_in", threshold=rule_in)]
    own = {**screening.model_dump(mode="json"), "name": NAME}
    return {
        "operating_points": [*(point.model_dump(mode="json") for point in points), own],
        "calibration": None,
        STUDY: analysis.model_dump(mode="json"),
    }


def write_sheet(entry: SiteThresholdEntry, changes: list[ChangeEntry]) -> str:
    """Return the sheet of a threshold that came of a study, as text."""
    analysis = StudyAnalysis.model_validate(entry.record[STUDY])
    heading = [
        *head_sheet(entry, analysis.bundle),
        NOTICE,
        f"of the calibration study {analysis.name}, {analysis.first} to {analysis.last}",
    ]
    sections = compose_sections(analysis)
    if changes:
        lines = [describe_change(change) for change in changes]
        sections.append(Section("changes", "In use for this bundle", lines))
    return render_sections(heading, sections)
