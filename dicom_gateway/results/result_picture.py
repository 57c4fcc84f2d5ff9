"""The picture of one result for viewers without SR: film, heat map, legend, and the result as text.

It holds no patient data; the viewer shows the patient from the header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from db.films.screenings import Heat
from dicom_gateway.results.heat_overlay import (
    FAINTEST,
    Grey,
    colour_heat,
    find_field,
    overlay_heat,
    spread_heat,
)
from dicom_gateway.results.score_bar import Rgb, draw_score_bar
from domain.languages.catalogue import load_catalogue
from domain.languages.language import ENGLISH, FONTS, LANGUAGES, LATIN
from domain.languages.sentence import say, say_of
from domain.regions import CUT_OFF, Outline, Region

WIDTH: Final = 1024
"""Width of the picture in pixels. Films are scaled to it, so that text has the same size on all of them."""
MARGIN: Final = 28
LARGE: Final = 34
MEDIUM: Final = 25
SMALL: Final = 21
"""Height of text: 21 pixels are 2 % of the picture's width, 4 mm on a viewport 20 cm wide."""
LINE: Final = 1.35
TALLEST_FILM: Final = 1280

Line = tuple[str, int, Rgb]
"""Text, its height in pixels, its colour."""
BLACK: Final = (0, 0, 0)
PANEL: Final = (18, 20, 23)
TEXT: Final = (236, 238, 240)
QUIET: Final = (176, 182, 188)
NOTICE: Final = (255, 200, 87)
"""The contrast of text on `PANEL` is 8:1 or more (WCAG 2.2 AAA requires 7:1)."""
FRAME: Final = (140, 150, 160)
OUTLINE: Final = (64, 224, 255)
"""Colour of the outlines of regions, which no heat has."""
OUTLINE_WIDTH: Final = 3


@dataclass(frozen=True)
class Caption:
    """The text of a picture, in the letters of its language and in Latin ones; others are drawn as boxes."""

    notice: str
    disclaimer: str
    headline: str
    """The finding."""
    tb_score: int | None
    """0..100, drawn as a bar; None for an untrained model."""
    facts: Sequence[str]
    """Score and its meaning, model, date and remarks; long lines are wrapped."""
    language: str = ENGLISH.code
    """Code of the language of all text."""


def draw_result(
    film: Image.Image, heat: Heat | None, caption: Caption, regions: Sequence[Region] = ()
) -> npt.NDArray[np.uint8]:
    """Draw a result.

    Args:
        film: display values, of any size and mode; converted to grey.
        heat: the heat map; None for a model without one, which the picture states.
        caption: the text.
        regions: the regions to outline, in pixels of `film`.

    Returns:
        uint8 (rows, 1024, 3), RGB: a band with the notice, the film with the heat map and a frame around the
        map's field, and a band with legend, result and facts.
    """
    grey = _fit(film)
    columns = grey.shape[1]
    head = _draw_head(caption)
    middle = Image.new("RGB", (WIDTH, grey.shape[0]), BLACK)
    hottest = None
    if heat is None:
        shown = Image.fromarray(grey).convert("RGB")
    else:
        cells = np.frombuffer(heat.cells, np.uint8).reshape(heat.rows, heat.columns)
        spread = spread_heat(cells, heat.margin, *grey.shape)
        hottest = float(spread.max())
        shown = Image.fromarray(overlay_heat(grey, spread))
        _frame_field(shown, heat.margin)
    _draw_outlines(shown, [region.outline * shown.size / film.size for region in regions])
    middle.paste(shown, ((WIDTH - columns) // 2, 0))
    foot = _draw_foot(caption, hottest, bool(regions))
    picture = Image.new("RGB", (WIDTH, head.height + middle.height + foot.height), BLACK)
    for part, top in ((head, 0), (middle, head.height), (foot, head.height + middle.height)):
        picture.paste(part, (0, top))
    return np.asarray(picture)


def _fit(film: Image.Image) -> Grey:
    scale = min(WIDTH / film.width, TALLEST_FILM / film.height)
    size = max(round(film.width * scale), 1), max(round(film.height * scale), 1)
    return np.asarray(film.convert("L").resize(size, Image.Resampling.LANCZOS))


def _frame_field(shown: Image.Image, margin: float) -> None:
    """Draw the corners of the field; the map does not cover the area outside."""
    top, left, height, width = find_field(margin, shown.height, shown.width)
    if margin == 0:
        return
    draw, arm = ImageDraw.Draw(shown), WIDTH // 28
    for x, inward in ((left, 1), (left + width - 1, -1)):
        for y, down in ((top, 1), (top + height - 1, -1)):
            draw.line([(x + inward * arm, y), (x, y), (x, y + down * arm)], fill=FRAME, width=2)


def _draw_outlines(shown: Image.Image, outlines: Sequence[Outline]) -> None:
    """Draw outlines in pixels of the picture, whose corner is (0, 0); Pillow's are those of pixel centres."""
    draw = ImageDraw.Draw(shown)
    for outline in outlines:
        vertices = [(float(x), float(y)) for x, y in outline - 0.5]
        draw.line(vertices, fill=OUTLINE, width=OUTLINE_WIDTH, joint="curve")


def _draw_head(caption: Caption) -> Image.Image:
    return _write([(caption.notice, MEDIUM, NOTICE), (caption.disclaimer, SMALL, QUIET)], caption.language)


def _draw_foot(caption: Caption, hottest: float | None, has_regions: bool) -> Image.Image:
    if hottest is None:
        about = say("This model gives no heat map: the film is shown as it was received.")
    elif hottest < FAINTEST:
        about = say("Heat map: no area stands out. It shows what the model weighed, not where disease is.")
    else:
        about = say("Heat map: what raised the score, area by area within the corners.")
        if has_regions:
            about = say(
                "{before} Outline: heat of {share:.0%} or more. No outline of disease.",
                before=about,
                share=CUT_OFF,
            )
    tell = load_catalogue(caption.language).translate
    parts: list[Line | Image.Image] = [(caption.headline, LARGE, TEXT)]
    if caption.tb_score is not None:
        names = tell(say("screening")), tell(say("rule-in"))
        font = _font(SMALL, caption.language)
        parts.append(draw_score_bar(caption.tb_score, WIDTH - 2 * MARGIN, PANEL, TEXT, font, names))
    parts += [*((fact, SMALL, TEXT) for fact in caption.facts), (tell(about), SMALL, QUIET)]
    if hottest is not None:
        parts.append(_draw_legend(caption.language))
    return _write(parts, caption.language)


def _draw_legend(language: str) -> Image.Image:
    """Draw the scale of colours over the panel, from no heat to the highest."""
    bar_width, bar_height = 360, 20
    ramp = np.broadcast_to(np.linspace(0.0, 1.0, bar_width, dtype=np.float32), (bar_height, bar_width))
    colour, cover = colour_heat(ramp)
    share = cover[..., np.newaxis] / cover.max()
    bar = np.rint(colour * share + np.array(PANEL) * (1 - share)).astype(np.uint8)
    legend = Image.new("RGB", (WIDTH - 2 * MARGIN, 34), PANEL)
    draw, font = ImageDraw.Draw(legend), _font(SMALL, language)
    tell = load_catalogue(language).translate
    words = tell(say_of("heat", "weak")), tell(say_of("heat", "strong"))
    x = 0
    draw.text((x, 17), words[0], fill=QUIET, font=font, anchor="lm")
    x += int(font.getlength(words[0])) + 14
    legend.paste(Image.fromarray(bar), (x, 7))
    draw.rectangle([x - 1, 6, x + bar_width, 7 + bar_height], outline=FRAME)
    draw.text((x + bar_width + 14, 17), words[1], fill=QUIET, font=font, anchor="lm")
    return legend


def _write(parts: Sequence[Line | Image.Image], language: str) -> Image.Image:
    """Return a band of lines of text, wrapped, and pictures, one below the other."""
    wrapped: list[Line | Image.Image] = []
    for part in parts:
        if isinstance(part, Image.Image):
            wrapped.append(part)
        else:
            wrapped += [
                (text, *part[1:]) for text in _wrap(part[0], _font(part[1], language), WIDTH - 2 * MARGIN)
            ]
    band = Image.new("RGB", (WIDTH, sum(map(_measure, wrapped)) + MARGIN), PANEL)
    draw, y = ImageDraw.Draw(band), MARGIN // 2
    for part in wrapped:
        if isinstance(part, Image.Image):
            band.paste(part, (MARGIN, y))
        else:
            text, size, colour = part
            draw.text((MARGIN, y), text, fill=colour, font=_font(size, language))
        y += _measure(part)
    return band


def _measure(part: Line | Image.Image) -> int:
    """Return the height of a part in pixels."""
    return part.height if isinstance(part, Image.Image) else round(part[1] * LINE)


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _font(size: int, language: str) -> ImageFont.FreeTypeFont:
    own = LANGUAGES[language].font
    if own is not None:
        return ImageFont.truetype(FONTS / own, size, layout_engine=ImageFont.Layout.RAQM)
    if language != ENGLISH.code:  # Pillow's own font has no letter with an accent
        return ImageFont.truetype(FONTS / LATIN, size, layout_engine=ImageFont.Layout.BASIC)
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return font
