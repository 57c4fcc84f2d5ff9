"""All sections of a report, in their order."""

from __future__ import annotations

from reports.figures import Report
from reports.sections.agreement import compose_agreement
from reports.sections.deliveries import compose_deliveries
from reports.sections.disagreements import compose_disagreements
from reports.sections.drift import compose_drift
from reports.sections.films import compose_films
from reports.sections.findings import compose_findings
from reports.sections.method import compose_method
from reports.sections.section import Section
from reports.sections.turnaround import compose_turnaround


def compose_sections(report: Report) -> list[Section]:
    """Return the sections in order; a section without figures says why."""
    return [
        compose_films(report),
        compose_findings(report),
        compose_turnaround(report),
        compose_deliveries(report),
        compose_agreement(report),
        compose_disagreements(report),
        compose_drift(report.drift),
        compose_method(report),
    ]
