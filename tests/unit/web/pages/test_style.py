"""Colours: whatever is read on the page stands out from its ground (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re

import pytest

from web.pages.pages import STATIC

SHEET = (STATIC / "style.css").read_text("utf-8")

TEXT = [
    ("text", "ground"),
    ("text", "card"),
    ("text", "hover"),
    ("text", "field"),
    ("muted", "ground"),
    ("muted", "card"),
    ("muted", "hover"),
    ("accent", "ground"),
    ("accent", "card"),
    ("accent", "hover"),
    ("on-accent", "accent"),
    ("high", "high-ground"),
    ("medium", "medium-ground"),
    ("low", "low-ground"),
    ("high", "notice-ground"),
    ("notice", "notice-ground"),
    ("card", "high"),
    ("card", "medium"),
    ("card", "low"),
]
"""Text and its ground: 4.5 to 1."""
SHAPES = [("edge", "card"), ("edge", "ground"), ("edge", "field"), ("high", "card"), ("medium", "card")]
SHAPES += [("low", "card"), ("accent", "hover")]
"""Borders of what can be used, and bars: 3 to 1."""


def read_themes() -> dict[str, dict[str, str]]:
    """Return the colours of each block that sets them."""
    blocks = re.findall(r":root([^{]*)\{([^}]*--ground[^}]*)\}", SHEET)
    themes = {name.strip(): dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", body)) for name, body in blocks}
    assert list(themes) == ["", ":not([data-theme=light])", "[data-theme=dark]"]
    return themes


def measure_contrast(text: str, ground: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(text), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", list(read_themes()))
def test_what_is_read_stands_out(theme: str) -> None:
    colours = read_themes()[theme]
    for least, pairs in ((4.5, TEXT), (3.0, SHAPES)):
        for colour, other in pairs:
            assert measure_contrast(colours[colour], colours[other]) >= least, (colour, other)


def test_both_dark_themes_are_the_same_and_all_colours_are_named() -> None:
    light, dark, chosen = read_themes().values()
    assert dark == chosen
    assert set(light) == set(dark)
    assert set(re.findall(r"var\(--([a-z-]+)\)", SHEET)) == set(light)


def test_black_on_white_is_21() -> None:
    assert measure_contrast("#000000", "#ffffff") == pytest.approx(21)
    assert measure_contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
