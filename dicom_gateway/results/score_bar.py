"""The bar of a TB score in the picture of a result: 0 to 100, with both thresholds. Pillow only."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageDraw, ImageFont

from domain.bundle.tb_score import RULE_IN_AT, SCREENING_AT, TOP

Rgb = tuple[int, int, int]
HEIGHT: Final = 86
SIDE: Final = 24
"""Room left and right of the bar, for the numbers at its ends and the marker."""
BANDS: Final = (
    (0, SCREENING_AT, (44, 90, 66)),
    (SCREENING_AT, RULE_IN_AT, (128, 98, 32)),
    (RULE_IN_AT, TOP, (140, 52, 46)),
)
"""Colours of the bands: absent; present; present and of priority HIGH."""


def draw_score_bar(
    tb_score: int, width: int, ground: Rgb, ink: Rgb, font: ImageFont.FreeTypeFont, names: tuple[str, str]
) -> Image.Image:
    """Draw the bar of a TB score.

    Args:
        tb_score: 0..100.
        width: width of the drawing in pixels.
        ground: its background.
        ink: marker, ticks and text.
        font: of the text below the bar.
        names: of both thresholds.

    Returns:
        RGB, `HEIGHT` pixels high.
    """
    bar = Image.new("RGB", (width, HEIGHT), ground)
    draw = ImageDraw.Draw(bar)
    top, bottom, text_at = 22, 42, 66

    def at(value: int) -> int:
        return SIDE + round(value / TOP * (width - 2 * SIDE - 1))

    for low, high, colour in BANDS:
        draw.rectangle([at(low), top, at(high), bottom], fill=colour)
    for value in (SCREENING_AT, RULE_IN_AT):
        draw.line([(at(value), top - 4), (at(value), bottom + 8)], fill=ink, width=3)
    draw.polygon(
        [(at(tb_score), top - 1), (at(tb_score) - 13, top - 21), (at(tb_score) + 13, top - 21)], fill=ink
    )
    for value, words in (
        (0, "0"),
        (SCREENING_AT, f"{names[0]} {SCREENING_AT}"),
        (RULE_IN_AT, f"{names[1]} {RULE_IN_AT}"),
        (TOP, str(TOP)),
    ):
        draw.text((at(value), text_at), words, fill=ink, font=font, anchor="mm")
    return bar
