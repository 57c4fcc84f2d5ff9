"""A mutant: one change of a guard that a test must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class MutantDoesNotApplyError(Exception):
    """The text that a mutant changes is not in its file exactly once. Write the mutant anew."""


@dataclass(frozen=True)
class Mutant:
    """A change that takes a guard away.

    Attributes:
        name: unique; for `--only`.
        file: of the guard, below the root of the repository.
        old: text of the guard, in the file exactly once.
        new: text in its place, without the guard.
        test: the test that must fail, as docs/administrator/security.md names it: `path under tests/::test`.
    """

    name: str
    file: str
    old: str
    new: str
    test: str

    def apply(self, root: Path) -> str:
        """Return the changed content of the file.

        Raises:
            MutantDoesNotApplyError: where the guard was rewritten since.
        """
        path = root / self.file
        content = path.read_text("utf-8") if path.is_file() else ""
        if content.count(self.old) != 1:
            raise MutantDoesNotApplyError(
                f"{self.name}: {self.file} has {content.count(self.old)} times {self.old!r}"
            )
        return content.replace(self.old, self.new)
