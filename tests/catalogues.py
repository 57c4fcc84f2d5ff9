"""The catalogues of messages, renewed from the sources: `python -m tests.catalogues`.

Each PO file keeps the translations of the messages that are still there. New messages are empty in it, and
those whose English has changed are marked `fuzzy`: translate the one, check the other and delete the mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from db.canary import verdicts
from db.counts.report_counts import Grouping
from db.delivery.delivery_events import POSTPONED, REPLAYED
from db.erasure.erasures import ErasureKind
from db.patients.reconciliations import ReconciliationKind
from db.states import CommitmentState, DeliveryState, FilmState, PulledStudyState
from db.tables.record import Record
from domain.bacteriology import Method, Outcome
from domain.bundle.tb_score import ADVICE, MEANING, UNTRAINED
from domain.codes import (
    ConflictDecision,
    Doubt,
    Finding,
    MessageKind,
    Notice,
    NoticedEvent,
    Observation,
    Priority,
    Refusal,
    ReportKind,
)
from domain.languages.catalogue import CATALOGUES
from domain.languages.language import LANGUAGES
from domain.languages.sentence import say_value
from domain.notices import NOT_VERIFIED, NOTICE
from domain.roles import Blinded, Role

ROOT: Final = Path(__file__).parents[1]

SOURCES: Final = (
    ("python", "db/**/*.py"),
    ("python", "domain/**/*.py"),
    ("python", "web/**/*.py"),
    ("python", "reports/**/*.py"),
    ("python", "tbscreen/administration/*.py"),
    ("python", "tbscreen/key_file.py"),
    ("python", "tbscreen/models/*.py"),
    ("python", "training/judging/*.py"),
    ("python", "dicom_gateway/results/*.py"),
    ("jinja2.ext.babel_extract", "web/templates/**/*.html"),
    ("jinja2.ext.babel_extract", "reports/templates/*.html"),
    ("javascript", "web/static/*.js"),
)
OPTIONS: Final = {"parse_template_string": "true"}
KEYWORDS: Final[dict[str, Any]] = {"say": None, "say_number": (1, 2), "say_of": ((1, "c"), 2)}

SENTENCES: Final = (
    *(NOT_VERIFIED, NOTICE, MEANING, ADVICE, UNTRAINED),
    *("Bad Request", "Forbidden", "Not Found", "Method Not Allowed", "Conflict", "Service Unavailable"),
    *("Request Entity Too Large", "Content Too Large", "Unsupported Media Type", "Too Many Requests"),
    *("Unprocessable Entity", "Unprocessable Content", "rule in"),
    *("patient id", "patient name", "patient birth date", POSTPONED, REPLAYED),
)
"""Messages that are constants for other uses, too, and titles of error pages (`http.HTTPStatus`)."""

VALUES: Final[tuple[type[StrEnum], ...]] = (
    Blinded,
    CommitmentState,
    ConflictDecision,
    DeliveryState,
    Doubt,
    ErasureKind,
    FilmState,
    Finding,
    Grouping,
    MessageKind,
    Method,
    Notice,
    NoticedEvent,
    Observation,
    Outcome,
    Priority,
    PulledStudyState,
    ReconciliationKind,
    Refusal,
    ReportKind,
    Role,
    verdicts.Verdict,
)
"""Coded values whose names people see in their own language."""

ERASED: Final = ("instances", "studies", "bacteriology_results", "reconciliations", "conflicts")
"""Tables of which the erasure of a patient names rows, beside all that refer to them."""

PLACEHOLDER: Final = re.compile(r"\{(\w*)[^}]*\}")


def list_messages() -> Iterator[tuple[str, Any, str | None]]:
    """Return file, message or messages, and context of each call of `say` and its like, and the constants."""
    for method, pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            for _, message, _, context in extract_from_file(method, path, KEYWORDS, options=OPTIONS):
                yield name, message, context
    for message in SENTENCES:
        yield "domain", message, None
    for values in VALUES:
        for value in values:
            yield "domain", str(say_value(value.value)), None
    for table in list_erased_tables():
        yield "domain", str(say_value(table)), None


def list_erased_tables() -> list[str]:
    """Return the names of all tables of which the erasure of a patient may count rows."""
    found = list(ERASED)
    for name in found:
        for table in Record.metadata.sorted_tables:
            referred = {key.column.table.name for key in table.foreign_keys}
            if name in referred and table.name not in found:
                found.append(table.name)
    return found


def make_template() -> Catalog:
    """Return all messages without translations."""
    template = Catalog(project="tbscreen")
    for name, message, context in list_messages():
        template.add(message, locations=[(name, 1)], context=context)
    return template


def renew(code: str, template: Catalog) -> Catalog:
    """Return the catalogue of a language with the messages of `template`, and write its file."""
    path = CATALOGUES / f"{code}.po"
    catalogue = read_catalogue(code) if path.exists() else Catalog(locale=code)
    catalogue.update(deepcopy(template), no_fuzzy_matching=False, update_creation_date=False)
    catalogue.obsolete.clear()
    write(code, catalogue)
    return catalogue


def write(code: str, catalogue: Catalog) -> None:
    """Write the file of a language, the same for the same messages on any day."""
    name = LANGUAGES[code].english_name
    catalogue.header_comment = f"# {name}. docs/developer/translating.md says how to translate."
    catalogue.project, catalogue.version, catalogue.fuzzy = "tbscreen", "", False
    catalogue.msgid_bugs_address, catalogue.last_translator = "the issues of the repository", "tbscreen"
    catalogue.language_team = name
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 11, 30, tzinfo=UTC)
    path = CATALOGUES / f"{code}.po"
    with path.open("wb") as file:
        write_po(file, catalogue, width=110, include_lineno=False, sort_output=True)


def read_catalogue(code: str) -> Catalog:
    """Return the catalogue of a language as its file has it."""
    with (CATALOGUES / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code)


if __name__ == "__main__":
    made = make_template()
    for language in LANGUAGES:
        if language != "en":
            renewed = renew(language, made)
            empty = [
                message.id for message in renewed if message.id and (message.fuzzy or not message.string)
            ]
            print(f"{language}: {len(renewed)} messages, {len(empty)} to be translated")
