"""The recommended threshold of a calibration study as a record of a site threshold, which is signed."""

from __future__ import annotations

from typing import Any, Final

from db.models.site_thresholds import NAME, ChangeEntry, SiteThresholdEntry
from db.models.threshold_groups import GROUP, GROUPS
from domain.bundle.manifest import Manifest
from domain.errors import PermanentError
from domain.notices import NOTICE
from reports.calibration_study.analysis import StudyAnalysis
from reports.calibration_study.cell_records import list_groups, make_cell_records, make_points
from reports.calibration_study.cell_section import TESTED
from reports.calibration_study.pages import compose_sections
from reports.sections.section import Section
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
    record = {
        **make_points(chosen.threshold, figures, manifest.find_operating_point("rule_in").threshold, NAME),
        STUDY: analysis.model_dump(mode="json"),
    }
    if analysis.table is not None:
        record[GROUPS] = list_groups(analysis.table)
    return record


def make_cells(analysis: StudyAnalysis, manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Return the records of the cells of a table by age and sex, each with the end of its name."""
    if analysis.table is None or analysis.recommended is None:
        return {}
    rule_in = manifest.find_operating_point("rule_in").threshold
    return make_cell_records(analysis.table, analysis.recommended.threshold, rule_in, TESTED)


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


def write_cell(entry: SiteThresholdEntry) -> str:
    """Return the sheet of a cell of a table by age and sex, as text."""
    about = entry.record[GROUP]
    point = next(point for point in entry.record["operating_points"] if point["name"] == entry.name)
    lines = [f"positive from {point['threshold']:.4f}: {about['reason']}", f"a part of {about['table']}"]
    return render_sections([*head_sheet(entry, about["people"]), NOTICE, *lines], [])
