"""The section on films by result."""

from __future__ import annotations

from domain.languages.sentence import say, say_number, say_of
from figures.text_table import TextTable
from reports.figures import Group, Report
from reports.sections.period_before import tabulate_before
from reports.sections.section import Section
from reports.wording import REFUSALS, name_group, name_grouping, write_count, write_part


def compose_films(report: Report) -> Section:
    """Return the section: films by result and group, and the period before."""
    flow = report.total.flow
    if not flow.received:
        return Section("films", say("Films"), [say("No film was received in this period.")])
    rows = [
        (say_of("films", "received"), flow.received),
        (say_of("films", "screened"), flow.screened),
        (say("waiting"), flow.waiting),
        *(
            (say("refused: {reason}", reason=REFUSALS.get(reason, reason)), number)
            for reason, number in flow.refused.items()
        ),
    ]
    paragraphs = []
    if flow.untrained:
        paragraphs.append(
            say_number(
                "{number:,} film of those screened had an untrained model: its scores mean nothing and are "
                "not in the figures on findings, reads and scores.",
                "{number:,} films of those screened had an untrained model: its scores mean nothing and are "
                "not in the figures on findings, reads and scores.",
                flow.untrained,
            )
        )
    if report.superseded:
        paragraphs.append(
            say(
                "Revisions replaced by a later correction: {number:,}. Each film counts once, in its current "
                "revision.",
                number=report.superseded,
            )
        )
    if report.own_objects:
        paragraphs.append(
            say_number(
                "{number:,} object that tbscreen itself had made came back and were not counted as films.",
                "{number:,} objects that tbscreen itself had made came back and were not counted as films.",
                report.own_objects,
            )
        )
    tables = [
        TextTable(
            say("Films by result"),
            ("", say_of("number", "films"), say("share")),
            [(name, write_count(number), write_part(number, flow.received)) for name, number in rows],
        )
    ]
    if report.groups:
        tables.append(
            TextTable(
                say("By {group}", group=name_grouping(report.by)),
                (
                    name_grouping(report.by),
                    say_of("films", "received"),
                    say_of("films", "screened"),
                    say_of("films", "refused"),
                    say("waiting"),
                ),
                [(name_group(group.name), *_count_flow(group)) for group in report.groups],
            )
        )
    return Section("films", say("Films"), paragraphs, [*tables, *tabulate_before(report)])


def _count_flow(group: Group) -> list[str]:
    flow = group.flow
    numbers = (flow.received, flow.screened, sum(flow.refused.values()), flow.waiting)
    return [write_count(number) for number in numbers]
