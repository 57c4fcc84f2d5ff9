"""The section on the durations of stages."""

from __future__ import annotations

from domain.languages.sentence import say, say_of
from figures.text_table import TextTable
from reports.figures import Group, Report
from reports.sections.section import Section
from reports.wording import STAGES, name_group, name_grouping, write_count, write_duration


def compose_turnaround(report: Report) -> Section:
    """Return the section; stages that no film has completed are left out."""
    stages = [stage for stage in report.total.stages if stage.films]
    if not stages:
        return Section(
            "turnaround", say("Turnaround"), [say("No film of this period has completed a stage.")]
        )
    rows = [
        (
            STAGES[stage.name],
            write_count(stage.films),
            write_duration(stage.median_ms),
            write_duration(stage.p95_ms),
        )
        for stage in stages
    ]
    tables = [
        TextTable(
            say("By stage"),
            (say("stage"), say_of("number", "films"), say("median"), say("95th percentile")),
            rows,
        )
    ]
    if report.groups:
        columns = (
            *(say("result, median"), say("result, 95th"), say("delivered, median")),
            *(say("delivered, 95th"), say("read, median"), say("read, 95th")),
        )
        tables.append(
            TextTable(
                say(
                    "From sender to result, to delivered report and to read, by {group}",
                    group=name_grouping(report.by),
                ),
                (name_grouping(report.by), *columns),
                [(name_group(group.name), *_write_ends(group)) for group in report.groups],
            )
        )
    return Section("turnaround", say("Turnaround"), [], tables)


def _write_ends(group: Group) -> list[str]:
    ends = [stage for stage in group.stages if stage.name.startswith("until ")]
    return [write_duration(time_ms) for stage in ends for time_ms in (stage.median_ms, stage.p95_ms)]
