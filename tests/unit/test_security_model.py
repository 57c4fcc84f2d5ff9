"""Each line of the threat model names tests that try it, and they exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "administrator" / "security.md").read_text("utf-8")
NAMED = re.compile(r"`([a-z0-9_/]+\.py)::([a-z0-9_]+)`")


def list_attacks() -> list[str]:
    """Return the lines of the tables whose last column says what tries them."""
    lines, is_inside = [], False
    for line in TEXT.splitlines():
        if line.startswith("| attack "):
            is_inside = True
        elif not line.startswith("|"):
            is_inside = False
        elif is_inside and not line.startswith("|---"):
            lines.append(line)
    return lines


@cache
def list_tests(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("line", list_attacks(), ids=lambda line: line.split("|")[1].strip()[:40])
def test_what_is_claimed_is_tried(line: str) -> None:
    tried = NAMED.findall(line.strip("| ").rpartition("|")[2])
    assert tried, "a line without a test"
    for path, name in tried:
        assert name.startswith("test_")
        assert (ROOT / "tests" / path).is_file(), path
        assert name in list_tests(ROOT / "tests" / path), f"{path}::{name}"


def test_nothing_is_named_elsewhere_and_the_tables_are_found() -> None:
    assert len(list_attacks()) > 50
    assert len(NAMED.findall(TEXT)) == sum(len(NAMED.findall(line)) for line in list_attacks())
    assert "## What is not stopped" in TEXT
