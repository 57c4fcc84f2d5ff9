"""The main figures beside those of the period before, of as many days."""

from __future__ import annotations

from domain.languages.sentence import Sentence, say
from figures.text_table import TextTable
from judging.wording import NOTHING
from reports.figures import Group, Report
from reports.truth_words import find_words
from reports.wording import write_count, write_duration, write_estimate


def tabulate_before(report: Report) -> list[TextTable]:
    """Return the table of this period and the one before; none where that had no film."""
    before = report.before
    if before is None or not before.flow.received:
        return []
    short = find_words(report.truth).short
    now, then = _list_figures(report.total, short), _list_figures(before, short)
    rows = [(name, value, then[name]) for name, value in now.items() if {value, then[name]} != {NOTHING}]
    columns = (
        "",
        say("{first} to {last}", first=report.first, last=report.last),
        say("{first} to {last}", first=report.before_first, last=report.before_last),
    )
    note = say(
        "95 % intervals in brackets: a difference within them may be chance. Reads of the newest days may be "
        "missing still."
    )
    return [TextTable(say("Against the period before"), columns, rows, note)]


def _list_figures(group: Group, short: Sentence) -> dict[str, str]:
    flow, bands, agreement = group.flow, group.bands, group.agreement
    stages = {stage.name: stage for stage in group.stages}
    result, read = stages.get("until screened"), stages.get("until read")
    return {
        say("films received"): write_count(flow.received),
        say("films screened"): write_count(flow.screened),
        say("films refused"): write_count(sum(flow.refused.values())),
        say("share present"): write_estimate(bands.share_present),
        say("HIGH"): write_count(bands.high),
        say("sender to result, median"): write_duration(None if result is None else result.median_ms),
        say("sender to read, median"): write_duration(None if read is None else read.median_ms),
        say("studies with a verdict"): write_count(agreement.read),
        say("sensitivity against {truth}", truth=short): write_estimate(agreement.sensitivity),
        say("specificity against {truth}", truth=short): write_estimate(agreement.specificity),
        say("failed deliveries"): write_count(group.deliveries.parked),
    }
