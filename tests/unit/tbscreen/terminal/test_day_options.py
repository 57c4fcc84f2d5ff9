"""Days are typed and shown in one form."""

from __future__ import annotations

from datetime import date

import pytest
import typer

from tbscreen.terminal.day_options import read_day, show_day
from tests.unit.tbscreen.conftest import Cli


@pytest.mark.parametrize("text", ["2026-03-01", "20260301"])
def test_a_day_is_read(text: str) -> None:
    assert read_day(text) == date(2026, 3, 1)


@pytest.mark.parametrize(
    "text", ["2026-02-30", "2026/03/01", "01.03.2026", "tomorrow", "", "2026-W10-1", "2026-0301", "20263101"]
)
def test_another_text_is_refused_with_the_form_of_a_day(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="a day is YYYY-MM-DD"):
        read_day(text)


@pytest.mark.parametrize(
    "words",
    [
        ["worklist", "--from", "2026-02-30"],
        ["report", "--to", "2026-02-30"],
        ["export-labels", "out", "--from", "2026-02-30"],
        ["calibrate", "propose", "--from", "2026-02-30"],
        ["pull", "--peer", "pacs", "--from", "2026-02-30"],
    ],
    ids=lambda words: words[0],
)
def test_every_command_says_it_in_the_same_words(quick_cli: Cli, words: list[str]) -> None:
    run = quick_cli(*words)
    assert run.returncode == 2
    assert "2026-02-30: a day is YYYY-MM-DD" in " ".join(run.stderr.split())
    assert "Value error" not in run.stderr


@pytest.mark.parametrize(
    ("text", "shown"), [("20240301", "2024-03-01"), ("2024", "2024"), ("", ""), (None, None)]
)
def test_a_dicom_date_is_shown_as_it_is_typed(text: str | None, shown: str | None) -> None:
    assert show_day(text) == shown
