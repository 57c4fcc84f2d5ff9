"""The content of a report's page, which HTML and PDF lay out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from domain.languages.catalogue import Catalogue, load_catalogue
from domain.languages.language import ENGLISH, Language
from domain.languages.sentence import say, say_value
from domain.notices import NOT_VERIFIED, NOTICE
from figures.text_table import TextTable
from reports.drawings import Picture, list_pictures
from reports.figures import Report
from reports.sections.all_sections import compose_sections
from reports.sections.section import Section
from reports.tiles import Tile, compose_tiles

WARNING: Final = (
    say("Research software, not a medical device."),
    say(
        "AI result, not verified by a physician. It sorts films for readers, in a programme that confirms "
        "tuberculosis bacteriologically."
    ),
)

UNCHECKED: Final = say("No clinician who is a native speaker has checked this translation.")


@dataclass(frozen=True)
class Page:
    """A report as words, figures, tables and pictures."""

    kind: str
    """As in "Screening report"."""
    organisation: str
    name: str
    """Title of the document."""
    title: str
    subtitle: str
    """As in "1 March 2026 to 31 March 2026"."""
    made: str
    """Sentence on its making."""
    notice: str
    alarm: tuple[str, str] | None
    """A heading and a sentence that must be read first."""
    tiles: Sequence[Tile]
    sections: Sequence[Section]
    pictures: Sequence[Picture]
    language: Language = ENGLISH
    warning: tuple[str, str] = WARNING
    """A heading and a sentence that each report has."""


def compose_page(report: Report, language: str = ENGLISH.code) -> Page:
    """Return the page of a screening report in a language, by its code."""
    catalogue = load_catalogue(language)
    tell = catalogue.translate
    made = say(
        "Days of {timezone} · made {moment} UTC by tbscreen {version}",
        timezone=report.timezone,
        moment=write_moment(report.made_at, catalogue.language),
        version=report.version,
    )
    if report.by:
        made = say("{before} · by {group}", before=made, group=say_value(report.by))
    alarm = (
        say("This report names studies."),
        say("Accession numbers are patient data: store this report as you store the films."),
    )
    days = (write_date(day, catalogue.language) for day in (report.first, report.last))
    return Page(
        kind=tell(say("Screening report")),
        organisation=report.organisation,
        name=tell(say("Screening report {first} to {last}", first=report.first, last=report.last)),
        title=tell(say("Chest X-ray screening for tuberculosis")),
        subtitle=tell(say("{first} to {last}", **dict(zip(("first", "last"), days, strict=True)))),
        made=tell(made),
        notice=_add_english(tell(say(NOTICE)), catalogue.language),
        alarm=(tell(alarm[0]), tell(alarm[1])) if report.named_studies else None,
        tiles=[replace(tile, what=tell(tile.what), of=tell(tile.of)) for tile in compose_tiles(report)],
        sections=[_translate_section(section, catalogue) for section in compose_sections(report)],
        pictures=[replace(picture, caption=tell(picture.caption)) for picture in list_pictures(report, tell)],
        language=catalogue.language,
        warning=(tell(WARNING[0]), _add_english(tell(WARNING[1]), catalogue.language)),
    )


def write_date(day: date, language: Language) -> str:
    """Return "1 March 2026" in English, else 2026-03-01."""
    return f"{day:%-d %B %Y}" if language is ENGLISH else day.isoformat()


def write_moment(moment: datetime, language: Language) -> str:
    """Return a date and time of day, "1 March 2026, 12:30" in English."""
    between = ", " if language is ENGLISH else " "
    return f"{write_date(moment.date(), language)}{between}{moment:%H:%M}"


def _add_english(text: str, language: Language) -> str:
    """Return a notice with its sentence in English beside the translation, and what the translation is."""
    if language.checked:
        return text
    return f"{text} {NOT_VERIFIED}. {load_catalogue(language.code).translate(UNCHECKED)}"


def _translate_section(section: Section, catalogue: Catalogue) -> Section:
    tell = catalogue.translate
    tables = [
        TextTable(
            tell(table.title),
            [tell(column) for column in table.columns],
            [[tell(cell) for cell in row] for row in table.rows],
            tell(table.note),
        )
        for table in section.tables
    ]
    return Section(section.key, tell(section.title), [tell(text) for text in section.paragraphs], tables)
