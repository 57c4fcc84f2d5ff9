"""`docs/administrator/settings.md` says what the code does."""

from __future__ import annotations

from tbscreen.settings import Settings
from tbscreen.settings_reference import write_reference
from tests import checkout

DOCUMENT = checkout.DOCS / "administrator" / "settings.md"


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == write_reference(), (
        "run: tbscreen settings > docs/administrator/settings.md"
    )


def test_every_setting_says_what_it_means() -> None:
    rows = [line for line in write_reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_section_is_there() -> None:
    text = write_reference()
    for name in Settings.model_fields:
        assert f"`{name}`" in text or f"[{name}]" in text
