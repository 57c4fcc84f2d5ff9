"""Wildcards of DICOM's matching: `*` and `?`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable


def compile_patterns(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a matcher of `patterns`: `*` is any text, `?` any character (PS3.4 C.2.2.2.4)."""
    expression = re.compile("|".join(map(_to_expression, patterns)), re.DOTALL)
    return lambda value: expression.fullmatch(value) is not None


def _to_expression(pattern: str) -> str:
    first, *others = [
        "".join("." if character == "?" else re.escape(character) for character in piece)
        for piece in pattern.split("*")
    ]
    if not others:
        return first
    # Atomic groups take the first match of each piece and never backtrack, so that no pattern takes long.
    return first + "".join(f"(?>.*?{piece})" for piece in others[:-1]) + ".*" + others[-1]


def to_like(pattern: str) -> str:
    """Return the LIKE pattern, escaped by `!`, of a value between backslashes that matches `pattern`."""
    escaped = re.sub(r"([!%_])", r"!\1", pattern).replace("*", "%").replace("?", "_")
    return f"%\\{escaped}\\%"
