"""The sections of a report, in words and tables, which text, HTML and PDF share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.bacteriology import TruthSource
from figures.text_table import TextTable
from judging.wording import NOTHING, write_figure
from reports.figures import Agreement, Disagreement, Drift, Group, Report
from reports.period_before import tabulate_before
from reports.reader_figures import tabulate_readers
from reports.truth_words import TruthWords, find_words
from reports.wording import (
    DRIFT_FIGURES,
    REFUSALS,
    STAGES,
    count_things,
    write_count,
    write_duration,
    write_estimate,
    write_index,
    write_part,
)

MOST_ALERTS: Final = 40


@dataclass(frozen=True)
class Section:
    """A section of a report. `key` is the section of its pictures."""

    key: str
    title: str
    paragraphs: Sequence[str]
    tables: Sequence[TextTable] = ()


def compose_sections(report: Report) -> list[Section]:
    """Return the sections in order; a section without figures says why."""
    return [
        _compose_films(report),
        _compose_findings(report),
        _compose_turnaround(report),
        _compose_deliveries(report),
        _compose_agreement(report),
        _compose_disagreements(report),
        _compose_drift(report.drift),
        _compose_method(report),
    ]


def _compose_films(report: Report) -> Section:
    flow = report.total.flow
    if not flow.received:
        return Section("films", "Films", ["No film was received in this period."])
    rows = [
        ("received", flow.received),
        ("screened", flow.screened),
        ("waiting", flow.waiting),
        *((f"refused: {REFUSALS.get(reason, reason)}", number) for reason, number in flow.refused.items()),
    ]
    paragraphs = []
    if flow.untrained:
        paragraphs.append(
            f"{count_things(flow.untrained, 'film')} of those screened had an untrained model: its scores "
            "mean nothing and are not in the figures on findings, reads and scores."
        )
    if report.superseded:
        paragraphs.append(
            f"Revisions replaced by a later correction: {report.superseded:,}. Each film counts once, in its "
            "current revision."
        )
    if report.own_objects:
        paragraphs.append(
            f"{count_things(report.own_objects, 'object')} that tbscreen itself had made came back and "
            "were not counted as films."
        )
    tables = [
        TextTable(
            "Films by result",
            ("", "films", "share"),
            [(name, write_count(number), write_part(number, flow.received)) for name, number in rows],
        )
    ]
    if report.groups:
        tables.append(
            TextTable(
                f"By {report.by}",
                (report.by or "", "received", "screened", "refused", "waiting"),
                [(group.name, *_count_flow(group)) for group in report.groups],
            )
        )
    return Section("films", "Films", paragraphs, [*tables, *tabulate_before(report)])


def _count_flow(group: Group) -> list[str]:
    flow = group.flow
    numbers = (flow.received, flow.screened, sum(flow.refused.values()), flow.waiting)
    return [write_count(number) for number in numbers]


def _compose_findings(report: Report) -> Section:
    title, bands = "Findings and priorities", report.total.bands
    if not bands.high + bands.medium + bands.low:
        return Section("findings", title, ["No film of this period was screened by a trained model."])
    columns = ("HIGH", "MEDIUM", "LOW", "present", "absent", "undetermined", "share present (95 % interval)")
    rows = [("all films", *_write_bands(report.total))]
    rows += [(group.name, *_write_bands(group)) for group in report.groups]
    paragraphs = [
        "Present means that the model found radiographic features suggestive of pulmonary tuberculosis: "
        "a reason for a read and a test, not a diagnosis.",
    ]
    if report.referral is not None:
        paragraphs.append(
            f"Since the threshold in use began, {report.referral}: set a threshold of this site's own "
            "before you rely on the findings (calibration study)."
        )
    return Section("findings", title, paragraphs, [TextTable("", (report.by or "", *columns), rows)])


def _write_bands(group: Group) -> list[str]:
    bands = group.bands
    numbers = (bands.high, bands.medium, bands.low, bands.present, bands.absent, bands.undetermined)
    return [*(write_count(number) for number in numbers), write_estimate(bands.share_present)]


def _compose_turnaround(report: Report) -> Section:
    stages = [stage for stage in report.total.stages if stage.films]
    if not stages:
        return Section("turnaround", "Turnaround", ["No film of this period has completed a stage."])
    rows = [
        (
            STAGES[stage.name],
            write_count(stage.films),
            write_duration(stage.median_ms),
            write_duration(stage.p95_ms),
        )
        for stage in stages
    ]
    tables = [TextTable("By stage", ("stage", "films", "median", "95th percentile"), rows)]
    if report.groups:
        columns = tuple(
            f"{end}, {figure}" for end in ("result", "delivered", "read") for figure in ("median", "95th")
        )
        tables.append(
            TextTable(
                f"From sender to result, to delivered report and to read, by {report.by}",
                (report.by or "", *columns),
                [(group.name, *_write_ends(group)) for group in report.groups],
            )
        )
    return Section("turnaround", "Turnaround", [], tables)


def _write_ends(group: Group) -> list[str]:
    ends = [stage for stage in group.stages if stage.name.startswith("until ")]
    return [write_duration(time_ms) for stage in ends for time_ms in (stage.median_ms, stage.p95_ms)]


def _compose_deliveries(report: Report) -> Section:
    rows = [(group.name, *_write_deliveries(group)) for group in (report.total, *report.groups)]
    total = report.total.deliveries
    if not total.delivered + total.pending + total.parked + total.unbuilt:
        return Section("deliveries", "Deliveries", ["This period has no deliveries."])
    paragraphs = []
    if total.parked:
        paragraphs.append(
            f"{count_things(total.parked, 'delivery', 'deliveries')} failed: "
            "'tbscreen deliveries --state parked' shows the reasons, '--replay' sends the reports again."
        )
    columns = ("delivered", "pending", "failed", "report not yet built")
    return Section("deliveries", "Deliveries", paragraphs, [TextTable("", (report.by or "", *columns), rows)])


def _write_deliveries(group: Group) -> list[str]:
    sent = group.deliveries
    return [write_count(number) for number in (sent.delivered, sent.pending, sent.parked, sent.unbuilt)]


def _compose_agreement(report: Report) -> Section:
    words, total = find_words(report.truth), report.total.agreement
    title = f"Against {words.name}"
    if not total.read:
        nothing = [f"No study of this period was {words.judged}."]
        tables = [*_tabulate_blinded(report), *tabulate_readers(report.readers)]
        return Section("agreement", title, nothing, tables)
    paragraphs = [
        f"{count_things(total.read, 'study', 'studies')} of {write_count(total.screened)} screened were "
        f"{words.judged}" + (f", {_write_unsure(total)} and left out." if total.unsure else "."),
        *_name_sources(report),
        *_explain_missing_classes(total, words),
        words.limits,
    ]
    columns = ("TB / not", "sensitivity", "specificity", "PPV", "NPV")
    rows = [("all films", *_write_agreement(total))]
    rows += [(group.name, *_write_agreement(group.agreement)) for group in report.groups]
    tables = [
        TextTable(
            "At the threshold of each film's screening",
            (report.by or "", *columns),
            rows,
            "95 % intervals in brackets (Wilson 1927). PPV and NPV hold for this mix of studies.",
        )
    ]
    tables += [*_tabulate_blinded(report), *tabulate_readers(report.readers)]
    if report.rocs:
        tables.append(
            TextTable(
                "Area under the ROC curve",
                ("model", "TB / not", "AUC"),
                [(roc.model, f"{roc.tb} / {roc.not_tb}", write_figure(roc.auc)) for roc in report.rocs],
                "95 % intervals in brackets (DeLong 1988).",
            )
        )
    return Section("agreement", title, paragraphs, tables)


def _tabulate_blinded(report: Report) -> list[TextTable]:
    groups = [(group.name, group.blinded) for group in report.groups]
    rows = [
        (name, write_count(blinded.read), write_count(blinded.unsure), *_write_agreement(blinded))
        for name, blinded in [("all films", report.total.blinded), *groups]
        if blinded is not None
    ]
    if not rows:
        return []
    columns = ("studies", "unsure or differing", "TB / not", "sensitivity", "specificity", "PPV", "NPV")
    return [
        TextTable(
            "Blinded reads alone",
            (report.by or "", *columns),
            rows,
            "First reads whose readers had not seen the result, also where the study was read again later.",
        )
    ]


def _write_unsure(total: Agreement) -> str:
    unsure = total.unsure - total.readers_differ
    parts = [f"{write_count(unsure)} of them as unsure"] if unsure else []
    if total.readers_differ:
        parts.append(f"{write_count(total.readers_differ)} differently by different readers")
    return " and ".join(parts)


def _name_sources(report: Report) -> list[str]:
    total = report.total.agreement
    if report.truth != TruthSource.BOTH:
        return []
    by_read = total.read - total.by_bacteriology
    return [f"{count_things(total.by_bacteriology, 'verdict')} by bacteriology, {by_read:,} by reads."]


def _explain_missing_classes(total: Agreement, words: TruthWords) -> list[str]:
    tb = total.true_positive + total.false_negative
    others = total.true_negative + total.false_positive
    if total.by_bacteriology and total.npv is None and total.ppv is not None:
        return [
            "No study below the threshold was tested, so sensitivity and specificity cannot be known: "
            "test a random sample of them, too."
        ]
    if tb and others:
        return []
    if not tb and not others:
        return [f"All studies were {words.judged} as unsure, so a comparison is impossible."]
    missing, lost = ("TB", "sensitivity") if not tb else ("not TB", "specificity")
    return [
        f"No study was {words.judged} as {missing}: there is no {lost}, no ROC curve and no calibration plot."
    ]


def _write_agreement(reads: Agreement) -> list[str]:
    tb, others = (
        reads.true_positive + reads.false_negative,
        reads.true_negative + reads.false_positive,
    )
    shares = (reads.sensitivity, reads.specificity, reads.ppv, reads.npv)
    return [f"{tb} / {others}", *(write_estimate(share) for share in shares)]


def _compose_disagreements(report: Report) -> Section:
    title, listed, words = "Disagreements to review", report.disagreements, find_words(report.truth)
    if not listed:
        nothing = f"Model and {words.party} disagree on no study."
        if not report.total.agreement.read:
            nothing = f"No study was {words.judged}."
        return Section("disagreements", title, [nothing])
    number = count_things(report.disagreements_in_all, "study", "studies")
    paragraphs = [f"Model and {words.party} disagree on {number}."]
    if len(listed) < report.disagreements_in_all:
        paragraphs[0] += f" The {len(listed)} largest disagreements are listed."
    if not report.named_studies:
        paragraphs.append("Accession numbers and study dates are patient data: --with-studies lists them.")
    judged = words.judged.capitalize()
    groups: tuple[tuple[str, str], ...] = (
        ("missed", f"{judged} as TB, below the threshold"),
        ("false alarm", f"{judged} as not TB, at or above the threshold"),
    )
    tables = []
    for kind, name in groups:
        rows = [_write_disagreement(study, report.named_studies) for study in listed if study.kind == kind]
        named = ("accession number", "study date") if report.named_studies else ("study",)
        if rows:
            rows = rows if report.named_studies else [(str(at), *row) for at, row in enumerate(rows, start=1)]
            tables.append(TextTable(name, (*named, "TB score", "finding", "station", "model"), rows))
    return Section("disagreements", title, paragraphs, tables)


def _write_disagreement(study: Disagreement, named: bool) -> tuple[str, ...]:
    names = (study.accession_number or NOTHING, study.study_date or NOTHING) if named else ()
    shown = NOTHING if study.tb_score is None else str(study.tb_score)
    return (*names, shown, study.finding, study.station, study.model)


def _compose_drift(drift: Drift) -> Section:
    title = "Drift"
    period = f"{drift.reference_first} to {drift.reference_last}"
    if not drift.rows:
        return Section("drift", title, ["No film was screened in this period."])
    judged = [row for row in drift.rows if row.index is not None]
    paragraphs = [
        f"The weeks of each station are compared with its films of {period}: scores, greys of the films and "
        f"ages, by the population stability index. 0 means no change; an alert begins at "
        f"{drift.threshold:.2f}, or higher where few films reach that by chance.",
    ]
    if not judged:
        paragraphs.append(
            "No week has an index: a week needs 30 films, and the reference needs 100 films of the same "
            "station (for scores, also of the same model)."
        )
        return Section("drift", title, paragraphs)
    alerts = drift.alerts
    paragraphs.append(
        f"{count_things(len(alerts), 'alert')} in {count_things(len(judged), 'comparison')}"
        + (f"; the {MOST_ALERTS} greatest are listed." if len(alerts) > MOST_ALERTS else ".")
        + (
            f" {len(drift.rows) - len(judged)} more comparisons had too few films."
            if len(drift.rows) > len(judged)
            else ""
        )
    )
    rows = [
        (
            row.station,
            row.week.isoformat(),
            DRIFT_FIGURES[row.figure],
            write_index(row.index),
            write_index(row.limit),
            f"{row.films} / {row.reference_films}",
        )
        for row in alerts[:MOST_ALERTS]
    ]
    columns = ("station", "week from", "figure", "index", "alert from", "films / reference")
    return Section("drift", title, paragraphs, [TextTable("Alerts", columns, rows)] if rows else [])


def _compose_method(report: Report) -> Section:
    return Section(
        "method",
        "Method",
        [
            f"Films received from {report.first} to {report.last}, both included, by days of "
            f"{report.timezone}; a film counts once, in its current revision. A site is the institution in "
            "the header of a film, or the sender's AE title without one. Durations are those of films that "
            "completed the stage; medians and percentiles are exact. The most suspicious film decides for "
            "its study.",
            f"Made by tbscreen {report.version} on {report.made_at:%Y-%m-%d at %H:%M UTC} from the results "
            "database. The same command gives the same figures as long as no film of the period changes.",
            report.notice,
        ],
    )
