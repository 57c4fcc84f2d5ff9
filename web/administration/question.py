"""Questions before actions that take something away: a page with the same form, without scripts."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from web.access.authentication import CSRF_FIELD, Visit
from web.pages.pages import Pages

SURE: Final = "sure"
"""The field that says that the question was answered with yes."""


def ask_first(pages: Pages, visit: Visit, question: str, button: str, back: str) -> Response | None:
    """Return a page that asks, or None where the form says that it was asked.

    Args:
        pages: renders the page.
        visit: with the posted form, which the page repeats: never one with a password.
        question: a sentence that says what will happen.
        button: the action in a word or two.
        back: path of the page to which No leads.
    """
    if visit.form.get(SURE) == "yes":
        return None
    context = {
        "user": visit.user,
        "csrf": visit.csrf,
        "question": question,
        "button": button,
        "back": back,
        "fields": {name: value for name, value in visit.form.items() if name not in (CSRF_FIELD, SURE)},
    }
    return pages.render(visit.request, "administration/question.html", context)
