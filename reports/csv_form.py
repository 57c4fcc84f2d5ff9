"""A report as one long table, with section, group, figure, value and interval in each line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from domain.bundle.tb_score import TOP
from domain.spreadsheet_cells import guard_cell
from judging.statistics import Estimate
from reports.figures import Agreement, Group, Report
from reports.truth_words import find_words

COLUMNS: Final = ("section", "group", "figure", "value", "low", "high")
"""`low` and `high` are the 95 % interval, if any. Shares are 0..1, durations in milliseconds."""

READER_COUNTS: Final = ("reads", "tb", "not_tb", "unsure", "blinded", "shared_studies")

Line = tuple[str, str, str, object, object, object]


def render_csv(report: Report) -> str:
    """Return the report as CSV; a figure that cannot be computed is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in _list_lines(report):
        writer.writerow([guard_cell(cell) for cell in line])
    return text.getvalue()


def _list_lines(report: Report) -> Iterator[Line]:
    about = {
        "notice": report.notice,
        "organisation": report.organisation,
        "truth": report.truth,
        "first day": report.first,
        "last day": report.last,
        "time zone": report.timezone,
        "made at": report.made_at.isoformat(),
        "tbscreen": report.version,
        "superseded revisions": report.superseded,
        "own objects": report.own_objects,
    }
    for name, value in about.items():
        yield "report", "", name, value, "", ""
    for group in (report.total, *report.groups):
        yield from _list_group(group, report.truth)
    yield from _list_before(report)
    yield from _list_readers(report)
    for cell in report.cells:
        name = f"{cell.people} by {cell.table}, {cell.threshold:.4f}"
        for figure, number in (("films", cell.films), ("present", cell.present)):
            yield "thresholds by age and sex", name, figure, number, "", ""
        yield _line("thresholds by age and sex", name, "share present", cell.share_present)
    for week in report.weeks:
        for figure, number in week.model_dump(exclude={"week"}).items():
            yield "weeks", str(week.week), figure, number, "", ""
    yield from _list_scores(report)
    for roc in report.rocs:
        yield _line("auc", roc.model, "AUC", roc.auc)
    judged = find_words(report.truth).judged
    for scores in report.calibration:
        name = f"share {judged} as TB at {scores.probability:.3f}, {scores.studies} studies"
        yield _line("calibration", "all films", name, scores.share_of_tb)
    for difference in report.disagreements:
        name = " ".join(filter(None, (difference.accession_number, difference.study_date)))
        yield "disagreements", difference.kind, name or difference.station, difference.score, "", ""
    for row in report.drift.rows:
        name = f"{row.figure} {row.week}" + (f" {row.model}" if row.model else "")
        value = "" if row.index is None else row.index
        yield "drift alert" if row.alert else "drift", row.station, name, value, "", ""


def _list_before(report: Report) -> Iterator[Line]:
    if report.before is not None:
        name = f"all films {report.before_first} to {report.before_last}"
        yield from _list_group(report.before.model_copy(update={"name": name}), report.truth)


def _list_readers(report: Report) -> Iterator[Line]:
    for reader in report.readers:
        for figure, number in reader.model_dump(include={*READER_COUNTS}).items():
            yield "readers", reader.reader, figure.replace("_", " "), number, "", ""
        yield _line("readers", reader.reader, "kappa with AI", reader.kappa_with_model)
        yield _line("readers", reader.reader, "kappa with others", reader.kappa_with_others)


def _list_scores(report: Report) -> Iterator[Line]:
    for histogram in report.histograms:
        bins = len(histogram.films)
        for number, films in enumerate(histogram.films):
            name = f"films with a score of {number / bins:.2f} to {(number + 1) / bins:.2f}"
            yield "scores", histogram.model, name, films, "", ""
    for placed in report.tb_scores:
        width = TOP // len(placed.films)
        for number, films in enumerate(placed.films):
            name = f"films with a TB score of {number * width} to {(number + 1) * width}"
            yield "tb scores", placed.model, name, films, "", ""


def _list_group(group: Group, truth: str) -> Iterator[Line]:
    flow, name = group.flow, group.name
    counts = {"received": flow.received, "screened": flow.screened, "waiting": flow.waiting}
    counts |= {f"refused: {reason}": number for reason, number in flow.refused.items()}
    counts |= {"screened by an untrained model": flow.untrained}
    for figure, number in counts.items():
        yield "films", name, figure, number, "", ""
    bands = group.bands
    for figure, number in bands.model_dump(exclude={"share_present"}).items():
        yield "findings", name, figure, number, "", ""
    yield _line("findings", name, "share present", bands.share_present)
    for stage in group.stages:
        yield "turnaround", name, f"{stage.name}, films", stage.films, "", ""
        for figure, value in (("median", stage.median_ms), ("95th percentile", stage.p95_ms)):
            yield "turnaround", name, f"{stage.name}, {figure}", "" if value is None else value, "", ""
    for figure, number in group.deliveries.model_dump().items():
        yield "deliveries", name, figure, number, "", ""
    yield from _list_agreement(truth, name, group.agreement)
    if group.blinded is not None:
        yield from _list_agreement("blinded reads", name, group.blinded)


def _list_agreement(section: str, name: str, agreement: Agreement) -> Iterator[Line]:
    shares = ("sensitivity", "specificity", "ppv", "npv")
    for figure, number in agreement.model_dump(exclude=set(shares)).items():
        yield section, name, figure.replace("_", " "), number, "", ""
    for figure in shares:
        yield _line(section, name, figure, getattr(agreement, figure))


def _line(section: str, group: str, figure: str, estimate: Estimate | None) -> Line:
    if estimate is None:
        return section, group, figure, "", "", ""
    return section, group, figure, estimate.value, estimate.low, estimate.high
