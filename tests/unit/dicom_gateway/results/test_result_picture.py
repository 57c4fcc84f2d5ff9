from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image, ImageFont

from db.films.screenings import Heat
from dicom_gateway.results.result_picture import OUTLINE, SMALL, WIDTH, Caption, draw_result
from domain.languages.language import FONTS, LANGUAGES, LATIN
from domain.regions import Region
from tests.catalogues import read_catalogue
from tests.phantom import PICTURE, draw_picture
from tests.screened_films import draw_rendition

CAPTION = Caption(
    "AI result, not verified", "Research software", "PRESENT", 83, ["TB score 83 of 100", "word " * 60]
)


def film(width: int = 200, height: int = 240) -> Image.Image:
    return Image.open(io.BytesIO(draw_rendition(width, height)))


def hot(value: int = 255) -> Heat:
    cells = np.zeros((14, 14), np.uint8)
    cells[3, 10] = value
    return Heat(*cells.shape, 1 / 16, cells.tobytes())


@pytest.mark.parametrize(("width", "height"), [(200, 240), (1024, 300), (10, 2000), (3, 3)])
def test_text_has_room_above_and_below_a_film_of_any_shape(width: int, height: int) -> None:
    picture = draw_result(film(width, height), hot(), CAPTION)

    assert picture.dtype == np.uint8
    assert picture.shape[1:] == (WIDTH, 3)
    assert picture.shape[0] > min(WIDTH * height / width, 1280) + 8 * SMALL


def test_heat_colours_the_film_at_its_place_alone() -> None:
    with_heat, without = (draw_result(film(), heat, CAPTION).astype(int) for heat in (hot(), None))
    head = _film_top(without)
    height = round(WIDTH * 240 / 200)
    colourful = np.ptp(with_heat, axis=2)[head : head + height] > 20

    rows, columns = np.nonzero(colourful)
    assert rows.mean() == pytest.approx(height * (1 / 16 + 3.5 / 14 * 7 / 8), abs=12)
    assert columns.mean() == pytest.approx(WIDTH * (1 / 16 + 10.5 / 14 * 7 / 8), abs=12)
    assert not (np.ptp(without, axis=2)[head : head + height] > 20).any()
    below = slice(head + height // 2, head + height * 7 // 8)
    assert (with_heat[below] == without[below]).all()


def test_a_region_is_outlined_where_it_is_on_the_film() -> None:
    outline = np.array([(50.0, 60.0), (150.0, 60.0), (150.0, 120.0), (50.0, 120.0), (50.0, 60.0)])
    plain = draw_result(film(), hot(), CAPTION)
    drawn = draw_result(film(), hot(), CAPTION, [Region(outline, 0.9)])

    rows, columns = np.nonzero((drawn == OUTLINE).all(axis=-1))
    head, scale = _film_top(plain), WIDTH / 200
    assert not (plain == OUTLINE).all(axis=-1).any()
    assert (columns.min(), columns.max()) == pytest.approx((50 * scale, 150 * scale), abs=3)
    assert (rows.min() - head, rows.max() - head) == pytest.approx((60 * scale, 120 * scale), abs=3)


def test_every_caption_makes_another_picture() -> None:
    seen = set()
    for heat in (None, hot(), hot(0)):
        for headline in ("PRESENT", "ABSENT"):
            for tb_score in (None, 20, 21):
                caption = replace(CAPTION, headline=headline, tb_score=tb_score)
                seen.add(draw_result(film(), heat, caption).tobytes())
    assert len(seen) == 18


def test_the_same_result_is_the_same_picture() -> None:
    assert (draw_result(film(), hot(), CAPTION) == draw_result(film(), hot(), CAPTION)).all()


def test_no_text_runs_out_of_the_picture() -> None:
    picture = draw_result(film(), None, CAPTION).astype(int)
    head = _film_top(picture)
    foot = picture[head + round(WIDTH * 240 / 200) :]

    panel = foot[-1, 0]
    assert (foot[:, -20:] == panel).all()
    assert (foot[-6:] == panel).all()
    assert np.abs(foot - panel).max() > 150


def test_the_picture_in_the_documentation_is_what_is_drawn_today() -> None:
    with Image.open(PICTURE) as shown:
        difference = np.abs(np.asarray(shown).astype(int) - draw_picture().astype(int))

    assert difference.mean() < 1.5, "draw it anew: python -m tests.phantom"


def _film_top(picture: np.ndarray) -> int:
    """The first row that is no panel at the left edge."""
    return int(np.nonzero((picture[:, 0] != picture[0, 0]).any(axis=1))[0][0])


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_the_font_of_a_picture_has_each_letter_of_its_language(code: str) -> None:
    letters = {letter for message in read_catalogue(code) for letter in str(message.string)}
    font = TTFont(FONTS / (LANGUAGES[code].font or LATIN))
    assert len(letters) > 50, "this test sees letters"
    assert {letter for letter in letters if ord(letter) not in font.getBestCmap()} <= {"\n", "↗"}
    french = replace(CAPTION, headline="é", language="fr")
    boxes = replace(CAPTION, headline="\ufffe", language="fr")
    assert not np.array_equal(draw_result(film(), None, french), draw_result(film(), None, boxes))


def test_hindi_is_drawn_with_joined_letters_by_the_shipped_font() -> None:
    plain, joined = (
        ImageFont.truetype(FONTS / "NotoSansDevanagari-Regular.ttf", 40, layout_engine=engine)
        for engine in (ImageFont.Layout.BASIC, ImageFont.Layout.RAQM)
    )
    assert joined.getlength("क्ष") < 0.8 * plain.getlength("क्ष"), "a conjunct is one letter"
    hindi = replace(CAPTION, headline="फेफड़ों की टीबी के संकेत: उपस्थित", language="hi")
    assert not np.array_equal(
        draw_result(film(), None, hindi)[-400:], draw_result(film(), None, CAPTION)[-400:]
    )
