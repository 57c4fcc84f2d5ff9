"""Coverage of docs/administrator/security.md: the lines that have a mutant, or a reason to have none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.mutants.mutant import Mutant

SECURITY: Final = Path(__file__).parents[2] / "docs" / "administrator" / "security.md"
NAMED: Final = re.compile(r"`([a-z0-9_/]+\.py::test_[a-z0-9_]+)`")


def read_lines(text: str) -> dict[str, list[str]]:
    """Return the tests of each line of the tables of attacks, by the name of the attack."""
    lines: dict[str, list[str]] = {}
    is_inside = False
    for line in text.splitlines():
        if line.startswith("| attack "):
            is_inside = True
        elif not line.startswith("|"):
            is_inside = False
        elif is_inside and not line.startswith("|---"):
            attack, _, rest = line.strip("| ").partition(" | ")
            lines[attack] = NAMED.findall(rest.rpartition("|")[2])
    return lines


def find_uncovered(
    lines: Mapping[str, Sequence[str]], mutants: Sequence[Mutant], reasons: Mapping[str, str]
) -> list[str]:
    """Return the attacks of which no test has a mutant and that have no reason either."""
    tested = {mutant.test for mutant in mutants}
    return [attack for attack, tests in lines.items() if not tested & set(tests) and attack not in reasons]
