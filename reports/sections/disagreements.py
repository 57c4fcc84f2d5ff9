"""The section on disagreements to review."""

from __future__ import annotations

from domain.languages.sentence import say, say_number, say_value
from figures.text_table import TextTable
from judging.wording import NOTHING
from reports.figures import Disagreement, Report
from reports.sections.section import Section
from reports.truth_words import find_words


def compose_disagreements(report: Report) -> Section:
    """Return the section; it names studies where the report was asked to."""
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
