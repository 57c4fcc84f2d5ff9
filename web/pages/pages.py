"""Templates of pages, and names, dates and scores as text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from domain.bundle.tb_score import MEANING, TOP
from domain.languages.catalogue import Catalogue, load_catalogue
from domain.languages.language import ENGLISH, LANGUAGES, choose_language
from domain.languages.sentence import Sentence, join_statements, say, say_value
from domain.notices import NOT_VERIFIED, NOTICE
from domain.percentages import format_percent
from domain.roles import Permission

TEMPLATES: Final = Path(__file__).parents[1] / "templates"
STATIC: Final = Path(__file__).parents[1] / "static"


class Pages:
    """Renders templates.

    Args:
        version: shown in the footer.
        has_report: True adds a link to the report for managers.
        has_administration: True adds a link to the pages of administrators.
        language: code of the site's language; None leaves the choice to each browser.
    """

    def __init__(
        self,
        version: str,
        has_report: bool,
        has_administration: bool = False,
        language: str | None = None,
    ) -> None:
        self._language = language
        for code in LANGUAGES:
            load_catalogue(code)
        self._templates = Jinja2Templates(directory=TEMPLATES)
        environment = self._templates.env
        environment.globals.update(
            version=version,
            notice=say(NOTICE),
            not_verified=NOT_VERIFIED,
            languages=LANGUAGES,
            say=show_message,
            say_number=show_number_message,
            tb_score_meaning=say(MEANING),
            has_report=has_report,
            has_administration=has_administration,
            Permission=Permission,
        )
        environment.filters.update(
            person=format_name,
            other_names=list_other_names,
            day=format_day,
            percent=format_percent,
            tb_score=show_tb_score,
            say=translate,
            join_statements=join_statements,
            moment=format_moment,
            gigabytes=format_gigabytes,
            words=translate_words,
        )

    def render(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return a page; `context` holds `user`, or None, and the `csrf` token of its forms.

        It has an ETag (RFC 9110 8.8.3): while nothing changes, a page that refreshes itself is answered 304.
        It is in the user's language, else the site's, else one that the browser prefers, else English.
        """
        catalogue = self.find_catalogue(request)
        values = {**context, "catalogue": catalogue, "language": catalogue.language}
        page = self._templates.TemplateResponse(
            request, template, values, status_code=status, headers=headers
        )
        page.headers["Content-Language"] = catalogue.language.code
        page.headers["Vary"] = "Accept-Language, Cookie"
        tag = f'"{hashlib.sha256(bytes(page.body)).hexdigest()[:32]}"'
        if status == 200 and request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        page.headers["ETag"] = tag
        return page

    def find_catalogue(self, request: Request) -> Catalogue:
        """Return the messages in the language of the answer to a request."""
        chosen = getattr(request.state, "language", None) or self._language
        if chosen in LANGUAGES:
            return load_catalogue(chosen)
        preferred = choose_language(request.headers.get("accept-language", "")) or ENGLISH
        return load_catalogue(preferred.code)


@pass_context
def show_message(context: Context, message: str, /, **values: Any) -> Markup:
    """Return a message in the page's language; values that are not `Markup` are escaped."""
    return _fill(context["catalogue"], context["catalogue"].find_message(message), values)


@pass_context
def show_number_message(context: Context, message: str, plural: str, number: int, /, **values: Any) -> Markup:
    """Return the message for a number of things in the page's language, with its `{number}`."""
    chosen = context["catalogue"].find_number_message(message, plural, number)
    return _fill(context["catalogue"], chosen, {"number": number, **values})


def _fill(catalogue: Catalogue, message: str, values: Mapping[str, Any]) -> Markup:
    shown = {
        name: catalogue.translate(value) if isinstance(value, Sentence) else value
        for name, value in values.items()
    }
    text = escape(message)
    return text.format(**shown) if shown else text


@pass_context
def translate(context: Context, text: str) -> str:
    """Return a sentence in the page's language; other text as it is."""
    catalogue: Catalogue = context["catalogue"]
    return catalogue.translate(text)


@pass_context
def translate_words(context: Context, code: object) -> str:
    """Return a coded value as words in the page's language."""
    return translate(context, format_words(code)) if code is not None else "—"


@pass_context
def show_tb_score(context: Context, tb_score: int | None) -> str:
    """Return a TB score as "63 of 100" in the page's language, or a dash for None."""
    if tb_score is None:
        return "—"
    return translate(context, say("{tb_score} of {top}", tb_score=tb_score, top=TOP))


def format_name(name: str | None) -> str:
    """Return a DICOM person name (PS3.5 6.2.1) as "Family, Given": its first group that is not empty."""
    family, given = next(iter(_list_groups(name)), ("", ""))
    return ", ".join(part for part in (family, given) if part) or "—"


def list_other_names(name: str | None) -> list[str]:
    """Return the ideographic and phonetic names (PS3.5 6.2.1.1) that `format_name` leaves out."""
    return [" ".join(part for part in group if part) for group in _list_groups(name)[1:]]


def _list_groups(name: str | None) -> list[tuple[str, str]]:
    """Return family and given name of each component group that has any."""
    groups = []
    for group in (name or "").split("="):
        family, *others = [" ".join(part.split()) for part in group.split("^")]
        groups.append((family, " ".join(part for part in others[:2] if part)))
    return [group for group in groups if any(group)]


def format_day(date: str | None) -> str:
    """Return a DICOM date as 2026-11-25; other text is returned unchanged."""
    if date and len(date) == 8 and date.isdecimal():
        return f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return date or "—"


def format_moment(moment: datetime | None) -> Markup | str:
    """Return a `time` element in UTC; with scripts the browser shows it in its own zone."""
    if moment is None:
        return "—"
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(timespec="milliseconds"), utc.strftime("%Y-%m-%d %H:%M:%S UTC")
    )


def format_gigabytes(number: int) -> str:
    """Return a number of bytes in units of 10⁹."""
    return f"{number / 1e9:.1f} GB"


def format_words(code: object) -> str:
    """Return a coded value as words: `not_chest` as "not chest"."""
    return "—" if code is None else say_value(code)
