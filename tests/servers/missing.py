"""Programs that tests need and that may be missing; a fast run does without all of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final, NoReturn

import pytest

FAST: Final = "FAST_TESTS"
"""The variable of `make test-fast`: tests that need a server, a tool of DCMTK or TensorFlow are skipped."""


def is_fast_run() -> bool:
    """True in a run without servers and without TensorFlow."""
    return bool(os.environ.get(FAST))


def find_program(*names: str, folders: tuple[Path, ...] = ()) -> str | None:
    """Return the path of the first program that is installed; None in a fast run.

    Args:
        names: of the program, in order of preference.
        folders: searched before PATH.
    """
    if is_fast_run():
        return None
    places = [str(folder / name) for name in names for folder in folders]
    return next((found for place in [*places, *names] if (found := shutil.which(place))), None)


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test and say why; fail it where REQUIRE_SERVERS is set, as it is in CI."""
    if is_fast_run():
        pytest.skip("needs a server: make test")
    if os.environ.get("REQUIRE_SERVERS"):
        pytest.fail(reason)
    pytest.skip(reason)
