"""No text for people stands outside of the catalogues, but the reference of REST and audit records."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, nodes

from web.pages.pages import STATIC, TEMPLATES

ROOT = Path(__file__).parents[3]

ENGLISH_ALONE = {"api.html"}
"""Templates that stay English: the reference of REST, which is for programmers and made from the code."""

RECORDED = {
    "erasures_page.py": {"patient erased: "},
    "patients_page.py": {" proposed merges accepted", "in force"},
    "study_pages.py": {
        "calibration study ",
        " closed without a threshold",
        ", people to test",
        "1 bacteriology results recorded",
    },
}
"""Parts of audit records and logs, by module: they stay English."""

SHOWN = {"alt", "aria-label", "placeholder", "title"}
"""Attributes that people read or hear."""

NAMES = {"tbscreen", "REST", "YYYYMMDD", "Study Instance UID", "PDF", "JSON", "north-2027"}
"""Texts that are the same in each language."""

CLASSES = re.compile(r"{% block body_class %}.*?{% endblock %}")

WORD = re.compile(r"[A-Za-z]{2,}")
SENTENCE = re.compile(r"(?!<)[A-Za-z]{2,} [A-Za-z]{2,}")
SHOWN_CHOICE = re.compile(r"[A-Z]\w*$|\w+ \w+")
"""A choice of an expression that is no class or state: it begins with a capital or has several words."""
CALLS = {"say", "say_number", "say_of"}


class Reader(HTMLParser):
    """The text and the shown attributes of a template's HTML, whose expressions are blanked."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in {"code", "kbd", "script"}
        self.texts += [value or "" for name, value in attrs if name in SHOWN]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in {"code", "kbd", "script"}

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.texts.append(data)


def list_untranslated(source: str) -> list[str]:
    """Return the words of a template that are not in a call of `say`."""
    tree = Environment(autoescape=True).parse(CLASSES.sub("", source))
    reader = Reader()
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                reader.feed(node.data)
    found = reader.texts + list(list_constants(tree))
    stripped = (text.strip(" ·\n") for text in found)
    return [text for text in stripped if WORD.search(text) and text not in NAMES]


def list_constants(node: nodes.Node) -> Iterator[str]:
    """Return the strings that an expression may show."""
    for output in node.find_all(nodes.Output):
        for part in output.nodes:
            if isinstance(part, nodes.CondExpr):
                for value in (part.expr1, part.expr2):
                    is_text = isinstance(value, nodes.Const) and isinstance(value.value, str)
                    if is_text and SHOWN_CHOICE.match(value.value):
                        yield value.value


def list_sentences(tree: ast.AST) -> Iterator[str]:
    """Return the strings of several words outside of docstrings, logs, `say` and its like."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            logs = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "LOG"
            if name in CALLS or logs:
                continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and SENTENCE.search(re.sub("<[^>]*>", "", node.value))
        ):
            yield node.value
        yield from list_sentences(node)


def test_the_text_of_each_template_is_in_the_catalogues() -> None:
    found = {
        path.relative_to(TEMPLATES).as_posix(): list_untranslated(path.read_text("utf-8"))
        for path in sorted(TEMPLATES.rglob("*.html"))
    }
    assert len(found) > 20, "this test sees templates"
    assert {name: texts for name, texts in found.items() if texts and name not in ENGLISH_ALONE} == {}


def test_the_style_sheet_has_no_sentences() -> None:
    sheet = (STATIC / "style.css").read_text("utf-8")
    assert "content: " in sheet
    assert [text for text in re.findall(r'content: "([^"]*)"', sheet) if WORD.search(text)] == []


def test_the_sentences_of_the_pages_modules_are_in_the_catalogues() -> None:
    found = {
        path.name: set(list_sentences(ast.parse(path.read_text("utf-8"))))
        for folder in ("administration", "calibration", "pages")
        for path in sorted((ROOT / "web" / folder).glob("*.py"))
    }
    assert {name: texts for name, texts in found.items() if texts} == RECORDED


def test_words_outside_of_the_catalogues_are_seen() -> None:
    assert list_untranslated("<p>Not read yet.</p>") == ["Not read yet."]
    assert list_untranslated('<a title="Load again">{{ say("Next") }}</a>') == ["Load again"]
    assert list_untranslated('{{ "Good" if it else "Bad news" }}') == ["Good", "Bad news"]
    assert list_untranslated('<p>{{ say("Not read yet.") }} <kbd>Esc</kbd> tbscreen</p>') == []
