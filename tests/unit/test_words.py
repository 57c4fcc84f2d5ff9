"""The rules of words that a test can hold; CONTRIBUTING.md has all of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.source_files import list_python_files

QUESTION = re.compile(r"(What|Who|Whom|Whose|How|Which|Whether|When|Where|Why)\b")
"""A first word that asks instead of naming the thing."""

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def list_docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Return line and text of each docstring: of modules, classes, functions, and attributes or constants."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for place, statement in enumerate(body):
            after_name = place > 0 and isinstance(body[place - 1], ast.Assign | ast.AnnAssign)
            first = place == 0 and isinstance(node, DOCUMENTED)
            if not (first or after_name) or not isinstance(statement, ast.Expr):
                continue
            if isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str):
                yield statement.lineno, statement.value.value


def list_bound_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Return line and name of each variable, parameter and local function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name


@cache
def read_words(path: Path) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Return the docstrings and the bound names of a file, which is parsed once."""
    tree = ast.parse(path.read_text("utf-8"))
    return list(list_docstrings(tree)), list(list_bound_names(tree))


def test_no_docstring_begins_with_a_question_word() -> None:
    found, seen = [], 0
    for path in list_python_files():
        for line, text in read_words(path)[0]:
            seen += 1
            if QUESTION.match(text.strip()):
                found.append(f"{path}:{line}: {text.strip()[:60]}")
    assert seen > 3000, "this test sees docstrings"
    assert found == []


def test_no_variable_is_called_one() -> None:
    found, seen = [], 0
    for path in list_python_files():
        for line, name in read_words(path)[1]:
            seen += 1
            if name == "one":
                found.append(f"{path}:{line}")
    assert seen > 10000, "this test sees variables"
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        '"""What a module is for."""',
        'class Film:\n    """Which film it is."""',
        'def read():\n    """How it is read."""',
        'LIMIT = 3\n"""How many at once."""',
        'class Film:\n    size: int\n    """Whether it is large."""',
    ],
)
def test_the_rule_sees_docstrings_of_each_kind(source: str) -> None:
    assert [text for _, text in list_docstrings(ast.parse(source)) if QUESTION.match(text)]


@pytest.mark.parametrize(
    "source",
    ["for one in films: pass", "[one for one in films]", "lambda one: one", "one = 1", "def one(): pass"],
)
def test_the_rule_sees_variables_of_each_kind(source: str) -> None:
    assert [name for _, name in list_bound_names(ast.parse(source)) if name == "one"]
