"""The section on deliveries of reports to peers."""

from __future__ import annotations

from domain.languages.sentence import say, say_number, say_of
from figures.text_table import TextTable
from reports.figures import Group, Report
from reports.sections.section import Section
from reports.wording import name_group, name_grouping, write_count


def compose_deliveries(report: Report) -> Section:
    """Return the section, by group."""
    rows = [(name_group(group.name), *_write_deliveries(group)) for group in (report.total, *report.groups)]
    total = report.total.deliveries
    if not total.delivered + total.pending + total.parked + total.unbuilt:
        return Section("deliveries", say("Deliveries"), [say("This period has no deliveries.")])
    paragraphs = []
    if total.parked:
        paragraphs.append(
            say_number(
                "{number:,} delivery failed: 'tbscreen deliveries --state parked' shows the reasons, "
                "'--replay' sends the reports again.",
                "{number:,} deliveries failed: 'tbscreen deliveries --state parked' shows the reasons, "
                "'--replay' sends the reports again.",
                total.parked,
            )
        )
    columns = (
        *(say_of("reports", "delivered"), say_of("reports", "pending"), say_of("reports", "failed")),
        say("report not yet built"),
    )
    return Section(
        "deliveries",
        say("Deliveries"),
        paragraphs,
        [TextTable("", (name_grouping(report.by), *columns), rows)],
    )


def _write_deliveries(group: Group) -> list[str]:
    sent = group.deliveries
    return [write_count(number) for number in (sent.delivered, sent.pending, sent.parked, sent.unbuilt)]
