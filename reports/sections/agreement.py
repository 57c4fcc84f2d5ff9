"""The section on the agreement of models with reads or bacteriology."""

from __future__ import annotations

from domain.bacteriology import TruthSource
from domain.languages.sentence import Sentence, say, say_number, say_of
from figures.text_table import TextTable
from judging.wording import write_figure
from reports.figures import Agreement, Report
from reports.reader_figures import tabulate_readers
from reports.sections.section import Section
from reports.truth_words import TruthWords, find_words
from reports.wording import name_group, name_grouping, write_count, write_estimate


def compose_agreement(report: Report) -> Section:
    """Return the section, with blinded reads, readers and areas under the ROC curve."""
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
            (name_grouping(report.by), *columns),
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
            (name_grouping(report.by), *columns),
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
