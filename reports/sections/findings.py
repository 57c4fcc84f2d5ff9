"""The section on findings and priorities."""

from __future__ import annotations

from domain.languages.sentence import say, say_of
from figures.text_table import TextTable
from reports.figures import Group, Report
from reports.sections.section import Section
from reports.wording import name_group, name_grouping, write_count, write_estimate


def compose_findings(report: Report) -> Section:
    """Return the section, with the films of each threshold by age and sex where there are any."""
    title, bands = say("Findings and priorities"), report.total.bands
    if not bands.high + bands.medium + bands.low:
        return Section("findings", title, [say("No film of this period was screened by a trained model.")])
    columns = (
        *(say("HIGH"), say("MEDIUM"), say("LOW"), say("present"), say("absent"), say("undetermined")),
        say("share present (95 % interval)"),
    )
    rows = [(say("all films"), *_write_bands(report.total))]
    rows += [(name_group(group.name), *_write_bands(group)) for group in report.groups]
    paragraphs = [
        say(
            "Present means that the model found radiographic features suggestive of pulmonary tuberculosis: "
            "a reason for a read and a test, not a diagnosis."
        ),
    ]
    if report.referral is not None:
        paragraphs.append(
            say(
                "Since the threshold in use began, {referral}: set a threshold of this site's own before you "
                "rely on the findings (calibration study).",
                referral=report.referral,
            )
        )
    tables = [TextTable("", (name_grouping(report.by), *columns), rows), *_tabulate_cells(report)]
    return Section("findings", title, paragraphs, tables)


def _tabulate_cells(report: Report) -> list[TextTable]:
    rows = [
        (
            cell.people,
            f"{cell.threshold:.4f}",
            write_count(cell.films),
            write_count(cell.present),
            write_estimate(cell.share_present),
        )
        for cell in report.cells
    ]
    if not rows:
        return []
    columns = (
        *(say("people"), say("threshold"), say_of("number", "films"), say("present")),
        say("share present (95 % interval)"),
    )
    return [
        TextTable(
            say("By the threshold of the person's age and sex"),
            columns,
            rows,
            say("Site thresholds {names}.", names=", ".join(sorted({cell.table for cell in report.cells}))),
        )
    ]


def _write_bands(group: Group) -> list[str]:
    bands = group.bands
    numbers = (bands.high, bands.medium, bands.low, bands.present, bands.absent, bands.undetermined)
    return [*(write_count(number) for number in numbers), write_estimate(bands.share_present)]
