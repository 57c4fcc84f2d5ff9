"""The main figures beside those of the period before, of as many days."""

from __future__ import annotations

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
    columns = ("", f"{report.first} to {report.last}", f"{report.before_first} to {report.before_last}")
    note = (
        "95 % intervals in brackets: a difference within them may be chance. Reads of the newest days may be "
        "missing still."
    )
    return [TextTable("Against the period before", columns, rows, note)]


def _list_figures(group: Group, short: str) -> dict[str, str]:
    flow, bands, agreement = group.flow, group.bands, group.agreement
    stages = {stage.name: stage for stage in group.stages}
    result, read = stages.get("until screened"), stages.get("until read")
    return {
        "films received": write_count(flow.received),
        "films screened": write_count(flow.screened),
        "films refused": write_count(sum(flow.refused.values())),
        "share present": write_estimate(bands.share_present),
        "HIGH": write_count(bands.high),
        "sender to result, median": write_duration(None if result is None else result.median_ms),
        "sender to read, median": write_duration(None if read is None else read.median_ms),
        "studies with a verdict": write_count(agreement.read),
        f"sensitivity against {short}": write_estimate(agreement.sensitivity),
        f"specificity against {short}": write_estimate(agreement.specificity),
        "failed deliveries": write_count(group.deliveries.parked),
    }
