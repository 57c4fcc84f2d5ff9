"""The sections of a report, in words and tables, which text, HTML and PDF share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.bacteriology import TruthSource
from domain.languages.sentence import Sentence, say, say_number, say_of, say_value
from domain.notices import NOTICE
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
    name_group,
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
                say("By {group}", group=_name_group(report)),
                (
                    _name_group(report),
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


def _compose_findings(report: Report) -> Section:
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
    tables = [TextTable("", (_name_group(report), *columns), rows), *_tabulate_cells(report)]
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
    return [
        TextTable(
            "By the threshold of the person's age and sex",
            ("people", "threshold", "films", "present", "share present (95 % interval)"),
            rows,
            f"Site thresholds {', '.join(sorted({cell.table for cell in report.cells}))}.",
        )
    ]


def _write_bands(group: Group) -> list[str]:
    bands = group.bands
    numbers = (bands.high, bands.medium, bands.low, bands.present, bands.absent, bands.undetermined)
    return [*(write_count(number) for number in numbers), write_estimate(bands.share_present)]


def _compose_turnaround(report: Report) -> Section:
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
                    group=_name_group(report),
                ),
                (_name_group(report), *columns),
                [(name_group(group.name), *_write_ends(group)) for group in report.groups],
            )
        )
    return Section("turnaround", say("Turnaround"), [], tables)


def _write_ends(group: Group) -> list[str]:
    ends = [stage for stage in group.stages if stage.name.startswith("until ")]
    return [write_duration(time_ms) for stage in ends for time_ms in (stage.median_ms, stage.p95_ms)]


def _compose_deliveries(report: Report) -> Section:
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
        "deliveries", say("Deliveries"), paragraphs, [TextTable("", (_name_group(report), *columns), rows)]
    )


def _write_deliveries(group: Group) -> list[str]:
    sent = group.deliveries
    return [write_count(number) for number in (sent.delivered, sent.pending, sent.parked, sent.unbuilt)]


def _compose_agreement(report: Report) -> Section:
    words, total = find_words(report.truth), report.total.agreement
    title = say("Against {truth}", truth=words.name)
    if not total.read:
        nothing = [say("No study of this period was {judged}.", judged=words.judged)]
        tables = [*_tabulate_blinded(report), *tabulate_readers(report.readers)]
        return Section("agreement", title, nothing, tables)
    paragraphs = [
        _count_judged(total, words),
        *_name_sources(report),
        *_explain_missing_classes(total, words),
        words.limits,
    ]
    columns = (say("TB / not"), say("sensitivity"), say("specificity"), say("PPV"), say("NPV"))
    rows = [(say("all films"), *_write_agreement(total))]
    rows += [(name_group(group.name), *_write_agreement(group.agreement)) for group in report.groups]
    tables = [
        TextTable(
            say("At the threshold of each film's screening"),
            (_name_group(report), *columns),
            rows,
            say("95 % intervals in brackets (Wilson 1927). PPV and NPV hold for this mix of studies."),
        )
    ]
    tables += [*_tabulate_blinded(report), *tabulate_readers(report.readers)]
    if report.rocs:
        tables.append(
            TextTable(
                say("Area under the ROC curve"),
                (say("model"), say("TB / not"), say("AUC")),
                [(roc.model, f"{roc.tb} / {roc.not_tb}", write_figure(roc.auc)) for roc in report.rocs],
                say("95 % intervals in brackets (DeLong 1988)."),
            )
        )
    return Section("agreement", title, paragraphs, tables)


def _tabulate_blinded(report: Report) -> list[TextTable]:
    groups = [(name_group(group.name), group.blinded) for group in report.groups]
    rows = [
        (name, write_count(blinded.read), write_count(blinded.unsure), *_write_agreement(blinded))
        for name, blinded in [(say("all films"), report.total.blinded), *groups]
        if blinded is not None
    ]
    if not rows:
        return []
    columns = (
        *(say_of("number", "studies"), say("unsure or differing"), say("TB / not")),
        *(say("sensitivity"), say("specificity"), say("PPV"), say("NPV")),
    )
    return [
        TextTable(
            say("Blinded reads alone"),
            (_name_group(report), *columns),
            rows,
            say(
                "First reads whose readers had not seen the result, also where the study was read again "
                "later."
            ),
        )
    ]


def _count_judged(total: Agreement, words: TruthWords) -> Sentence:
    unsure, differ = total.unsure - total.readers_differ, total.readers_differ
    counted = say_number(
        "{number:,} study of {screened:,} screened were {judged}",
        "{number:,} studies of {screened:,} screened were {judged}",
        total.read,
        screened=total.screened,
        judged=words.judged,
    )
    if unsure and differ:
        left_out = say(
            "{unsure:,} of them as unsure and {differ:,} differently by different readers",
            unsure=unsure,
            differ=differ,
        )
    elif unsure:
        left_out = say("{unsure:,} of them as unsure", unsure=unsure)
    else:
        left_out = say("{differ:,} differently by different readers", differ=differ)
    if not total.unsure:
        return say("{reason}.", reason=counted)
    return say("{studies}, {some} and left out.", studies=counted, some=left_out)


def _name_group(report: Report) -> Sentence | str:
    return say_value(report.by) if report.by else ""


def _name_sources(report: Report) -> list[str]:
    total = report.total.agreement
    if report.truth != TruthSource.BOTH:
        return []
    by_read = total.read - total.by_bacteriology
    return [
        say_number(
            "{number:,} verdict by bacteriology, {by_read:,} by reads.",
            "{number:,} verdicts by bacteriology, {by_read:,} by reads.",
            total.by_bacteriology,
            by_read=by_read,
        )
    ]


def _explain_missing_classes(total: Agreement, words: TruthWords) -> list[str]:
    tb = total.true_positive + total.false_negative
    others = total.true_negative + total.false_positive
    if total.by_bacteriology and total.npv is None and total.ppv is not None:
        return [
            say(
                "No study below the threshold was tested, so sensitivity and specificity cannot be known: "
                "test a random sample of them, too."
            )
        ]
    if tb and others:
        return []
    if not tb and not others:
        return [
            say("All studies were {judged} as unsure, so a comparison is impossible.", judged=words.judged)
        ]
    missing, lost = (say("TB"), say("sensitivity")) if not tb else (say("not TB"), say("specificity"))
    return [
        say(
            "No study was {judged} as {missing}: there is no {lost}, no ROC curve and no calibration plot.",
            judged=words.judged,
            missing=missing,
            lost=lost,
        )
    ]


def _write_agreement(reads: Agreement) -> list[str]:
    tb, others = (
        reads.true_positive + reads.false_negative,
        reads.true_negative + reads.false_positive,
    )
    shares = (reads.sensitivity, reads.specificity, reads.ppv, reads.npv)
    return [f"{tb} / {others}", *(write_estimate(share) for share in shares)]


def _compose_disagreements(report: Report) -> Section:
    title, listed, words = say("Disagreements to review"), report.disagreements, find_words(report.truth)
    if not listed:
        nothing = say("Model and {party} disagree on no study.", party=words.party)
        if not report.total.agreement.read:
            nothing = say("No study was {judged}.", judged=words.judged)
        return Section("disagreements", title, [nothing])
    disagree = say_number(
        "Model and {party} disagree on {number:,} study.",
        "Model and {party} disagree on {number:,} studies.",
        report.disagreements_in_all,
        party=words.party,
    )
    if len(listed) < report.disagreements_in_all:
        disagree = say(
            "{before} The {number} largest disagreements are listed.", before=disagree, number=len(listed)
        )
    paragraphs = [disagree]
    if not report.named_studies:
        paragraphs.append(
            say("Accession numbers and study dates are patient data: --with-studies lists them.")
        )
    groups = (
        ("missed", say("TB by {party}, below the threshold", party=words.party)),
        ("false alarm", say("Not TB by {party}, at or above the threshold", party=words.party)),
    )
    tables = []
    for kind, name in groups:
        rows = [_write_disagreement(study, report.named_studies) for study in listed if study.kind == kind]
        named = (say("accession number"), say("study date")) if report.named_studies else (say("study"),)
        if rows:
            rows = rows if report.named_studies else [(str(at), *row) for at, row in enumerate(rows, start=1)]
            columns = (*named, say("TB score"), say("finding"), say("station"), say("model"))
            tables.append(TextTable(name, columns, rows))
    return Section("disagreements", title, paragraphs, tables)


def _write_disagreement(study: Disagreement, named: bool) -> tuple[str, ...]:
    names = (study.accession_number or NOTHING, study.study_date or NOTHING) if named else ()
    shown = NOTHING if study.tb_score is None else str(study.tb_score)
    return (*names, shown, say_value(study.finding), study.station, study.model)


def _compose_drift(drift: Drift) -> Section:
    title = say("Drift")
    if not drift.rows:
        return Section("drift", title, [say("No film was screened in this period.")])
    judged = [row for row in drift.rows if row.index is not None]
    paragraphs = [
        say(
            "The weeks of each station are compared with its films of {first} to {last}: scores, greys of "
            "the films and ages, by the population stability index. 0 means no change; an alert begins at "
            "{threshold:.2f}, or higher where few films reach that by chance.",
            first=drift.reference_first,
            last=drift.reference_last,
            threshold=drift.threshold,
        )
    ]
    if not judged:
        paragraphs.append(
            say(
                "No week has an index: a week needs 30 films, and the reference needs 100 films of the same "
                "station (for scores, also of the same model)."
            )
        )
        return Section("drift", title, paragraphs)
    alerts = drift.alerts
    compared = say_number("{number:,} comparison", "{number:,} comparisons", len(judged))
    told = say_number(
        "{number:,} alert in {comparisons}.",
        "{number:,} alerts in {comparisons}.",
        len(alerts),
        comparisons=compared,
    )
    if len(alerts) > MOST_ALERTS:
        told = say("{before} The {number} greatest are listed.", before=told, number=MOST_ALERTS)
    if len(drift.rows) > len(judged):
        told = say(
            "{before} {number} more comparisons had too few films.",
            before=told,
            number=len(drift.rows) - len(judged),
        )
    paragraphs.append(told)
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
    columns = (
        *(say("station"), say("week from"), say("figure"), say("index"), say("alert from")),
        say("films / reference"),
    )
    return Section("drift", title, paragraphs, [TextTable(say("Alerts"), columns, rows)] if rows else [])


def _compose_method(report: Report) -> Section:
    return Section(
        "method",
        say("Method"),
        [
            say(
                "Films received from {first} to {last}, both included, by days of {timezone}; a film counts "
                "once, in its current revision. A site is the institution in the header of a film, or the "
                "sender's AE title without one. Durations are those of films that completed the stage; "
                "medians and percentiles are exact. The most suspicious film decides for its study.",
                first=report.first,
                last=report.last,
                timezone=report.timezone,
            ),
            say(
                "Made by tbscreen {version} on {day} at {time} UTC from the results database. The same "
                "command gives the same figures as long as no film of the period changes.",
                version=report.version,
                day=report.made_at.date(),
                time=report.made_at.strftime("%H:%M"),
            ),
            say(NOTICE),
        ],
    )
