"""The sheet of a site threshold, for a review before activation."""

from __future__ import annotations

from db.models.site_thresholds import ChangeEntry, SiteThresholdEntry
from domain.notices import NOTICE
from figures.text_table import TextTable
from judging.wording import write_figure
from reports.calibration_study.cell_section import Judged, compose_cells
from reports.sections.section import Section
from reports.site_threshold.record import Row, SiteThresholdRecord, judge_by_who
from reports.text_form import render_sections
from reports.truth_words import find_words
from reports.wording import write_estimate


def read_record(entry: SiteThresholdEntry) -> SiteThresholdRecord:
    """Return the record of a site threshold."""
    return SiteThresholdRecord.model_validate(entry.record)


def write_sheet(entry: SiteThresholdEntry, record: SiteThresholdRecord, changes: list[ChangeEntry]) -> str:
    """Return the sheet as text."""
    own = next(point for point in record.operating_points if point.name == entry.name)
    rule_in = next(point for point in record.operating_points if point.name == "rule_in")
    heading = [*head_sheet(entry, record.bundle), NOTICE]
    prevalence = (
        "Probabilities remain those of the bundle."
        if record.prevalence is None
        else f"Probabilities are restated for a prevalence of {record.prevalence:.2%}."
    )
    words = find_words(record.truth)
    figures = Section(
        "figures",
        f"Against local {words.name}",
        [
            f"{record.read} of {record.screened} studies of {record.first} to {record.last} "
            f"({record.timezone}) were {words.judged}, {record.unsure} of them as unsure and left out. "
            f"AUC {write_figure(record.auc)}.",
            f"Positive from a score of {own.threshold:.4f}, HIGH from {rule_in.threshold:.4f}. {prevalence}",
            f"WHO's 90 % sensitivity and 70 % specificity: {judge_by_who(record.after)}.",
        ],
        [
            _table("Thresholds", "", (record.before, record.after, record.rule_in)),
            *(_table(f"New threshold, by {name}", name, rows) for name, rows in record.subgroups.items()),
        ],
    )
    cells = [] if record.table is None else [compose_cells(record.table, name_judged(record.truth))]
    sections = [figures, *cells, Section("warnings", "Limits of these figures", list(record.warnings))]
    if changes:
        sections.append(
            Section("changes", "In use for this bundle", [describe_change(change) for change in changes])
        )
    return render_sections(heading, sections)


def name_judged(truth: str) -> Judged:
    """Return words for people whom a truth calls TB and not TB."""
    judged = find_words(truth).judged
    return Judged(f"{judged} as TB", f"{judged} as not TB")


def head_sheet(entry: SiteThresholdEntry, bundle: str) -> list[str]:
    """Return the first lines of a sheet: number, name and use; bundle, time and user."""
    use = "in use" if entry.active else "not in use"
    made = f"made {entry.made_at:%Y-%m-%d %H:%M} UTC by {entry.made_by}"
    return [
        f"Calibration {entry.calibration_id}: {entry.name}, {use}",
        f"of {bundle} ({entry.bundle_digest[:12]}), {made}",
    ]


def _table(title: str, name: str, rows: tuple[Row, ...]) -> TextTable:
    return TextTable(
        title,
        (name, "TB / not", "sensitivity", "specificity", "WHO's 90 / 70"),
        [
            (
                row.name,
                f"{row.tb} / {row.not_tb}",
                write_estimate(row.sensitivity),
                write_estimate(row.specificity),
                judge_by_who(row),
            )
            for row in rows
        ],
    )


def describe_change(change: ChangeEntry) -> str:
    """Return a change of the site threshold in use as a sentence."""
    replaced = f"{change.name or 'the bundle itself'} instead of {change.previous or 'the bundle itself'}"
    rollback = " (rolled back)" if change.rollback else ""
    reason = f": {change.reason}" if change.reason else ""
    return f"{change.changed_at:%Y-%m-%d %H:%M} UTC, {change.changed_by}: {replaced}{rollback}{reason}"
