"""Our objects in OHIF as a person sees them: where the outlines lie, and the words that can be read."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import FloatRect, Page
from playwright.sync_api import TimeoutError as NotShownError
from scipy import ndimage

from dicom_gateway.results.result_picture import OUTLINE
from tests.checkout import DOCS
from tests.integration.viewers.drawn_study import COLUMNS, MARK, MARKS, ROWS, STUDY, DrawnStudy, draw_study
from tests.servers.ohif import HEIGHT, WIDTH, orthanc_with_dicomweb, serving_ohif, study_in_ohif
from tests.servers.pacs import Orthanc
from tests.servers.ports import wait_until

pytestmark = pytest.mark.timeout(600)

Points = npt.NDArray[np.float64]
"""float64 (n, 2): column and row."""
HEIGHTS = [HEIGHT + 2 * step for step in range(1, 13)]
"""Of the window, in pixels, each drawn for a moment."""
YELLOW = (255, 255, 0)
GREEN = (0, 255, 0)
"""OHIF's colours of the measurements of an SR; green is the one that is stepped to."""


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc_with_dicomweb(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture(scope="module")
def ohif(pacs: Orthanc) -> Iterator[str]:
    with serving_ohif(f"http://127.0.0.1:{pacs.http_port}") as url:
        yield url


@dataclass(frozen=True)
class Shown:
    """The viewport with an SR: its picture, its drawn lines and texts."""

    picture: npt.NDArray[np.uint8]
    lines: list[tuple[str, Points]]
    """Colour and vertices, in pixels of the picture."""
    texts: list[tuple[str, tuple[float, float, float, float]]]
    """Words and their box: left, top, right, bottom."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> DrawnStudy:
    return draw_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module", params=["comprehensive_3d", "comprehensive"])
def shown(request: pytest.FixtureRequest, pacs: Orthanc, ohif: str, study: DrawnStudy) -> Shown:
    return show_sr(pacs, ohif, study, study.build_sr(request.param))


def test_ohif_outlines_the_regions_and_the_field_where_they_are(shown: Shown, study: DrawnStudy) -> None:
    field = [
        to_film(shown.picture, line)
        for colour, line in shown.lines
        if colour == "rgb(0, 255, 0)" and len(line) == 5
    ]
    outlines = [to_film(shown.picture, line) for colour, line in shown.lines if colour == "rgb(255, 255, 0)"]
    assert len(field) == 1
    assert field[0].min(axis=0) == pytest.approx((COLUMNS / 16, ROWS / 16), abs=2)
    assert field[0].max(axis=0) == pytest.approx((COLUMNS * 15 / 16, ROWS * 15 / 16), abs=2)
    drawn = sorted((outline for outline in outlines if len(outline) > 5), key=len, reverse=True)
    sources = sorted((region.outline for region in study.regions), key=len, reverse=True)
    assert len(drawn) == len(sources) == 2
    for outline, source in zip(drawn, sources, strict=True):
        assert measure_gaps(outline, source).max() < 2.0
        assert measure_gaps(source, outline).max() < 2.0


def test_the_outlines_are_to_be_seen(shown: Shown) -> None:
    for name, line in shown.lines:
        if len(line) < 5:
            continue
        colour = YELLOW if name == "rgb(255, 255, 0)" else GREEN
        assert count_coloured(shown.picture, line, colour) > 0.35, "OHIF draws dashes of equal length"


def test_the_result_can_be_read_on_the_film(shown: Shown) -> None:
    check_words(shown, "PRESENT", regions=2)
    save_picture(shown.picture, "ohif-sr.jpg")


def test_a_film_without_regions_has_the_analysed_field_and_its_result(
    pacs: Orthanc, ohif: str, tmp_path: Path
) -> None:
    absent = draw_study(tmp_path, finding="absent")

    shown = show_sr(pacs, ohif, absent, absent.build_sr())

    check_words(shown, "ABSENT", regions=0)
    assert [colour for colour, line in shown.lines if len(line) == 5] == ["rgb(0, 255, 0)"]


def test_the_picture_for_viewers_without_sr_is_shown_by_ohif(
    pacs: Orthanc, ohif: str, study: DrawnStudy
) -> None:
    put(pacs, study.film.read_bytes(), study.build_picture())

    with study_in_ohif(ohif, STUDY) as page:
        page.locator("[data-cy=study-browser-thumbnail]").filter(has_text="AI result").dblclick()
        wait_until(lambda: len(find_outline(take_picture(page))) > 100, 60, "OHIF shows the picture")
        picture = take_picture(page)

    film = find_outline(picture)
    sources = [region.outline for region in study.regions]
    gaps = np.min([measure_gaps(film, source) for source in sources], axis=0)
    # Half the width of the line, and two pixels. OHIF's symbols have some pixels of this colour, too.
    assert np.quantile(gaps, 0.99) < 4.0
    for source in sources:
        assert np.linalg.norm(source[:, None] - film, axis=2).min(axis=1).max() < 4.0, "none is left out"
    save_picture(picture, "ohif-sc.jpg")


def show_sr(pacs: Orthanc, url: str, study: DrawnStudy, report: bytes) -> Shown:
    """Store film and SR, open the SR in OHIF, and return what it shows."""
    put(pacs, study.film.read_bytes(), report)
    with study_in_ohif(url, STUDY) as page:
        open_report(page)
        box = find_viewport(page)
        lines = page.evaluate(
            "() => [...document.querySelectorAll('svg.svg-layer polyline')]"
            ".map(line => [line.getAttribute('stroke'), line.getAttribute('points')])"
        )
        texts = page.evaluate(
            "() => [...document.querySelectorAll('svg.svg-layer text')].map(text => {"
            " const box = text.getBoundingClientRect();"
            " return [[...text.querySelectorAll('tspan')].map(line => line.textContent).join('\\n'),"
            " [box.left, box.top, box.right, box.bottom]]; })"
        )
        picture = take_picture(page)
    left, top = box["x"], box["y"]
    return Shown(
        picture=picture,
        lines=[(colour, read_points(points)) for colour, points in lines],
        texts=[(words, (x0 - left, y0 - top, x1 - left, y1 - top)) for words, (x0, y0, x1, y1) in texts],
    )


def check_words(shown: Shown, finding: str, regions: int) -> None:
    """Assert that the result is written on the film, inside the viewport."""
    said = "\n".join(words for words, _ in shown.texts)
    for line in (
        "AI result, not verified by a physician. TB score ",
        f"Features suggestive of pulmonary TB: {finding}",
        "Model tbscreen-default 1.2.0; frame = analysed field",
        "Certainty of Finding: 83.46 %",
        "Threshold Value: 41.20 %",
    ):
        assert line in said
    assert said.count("Peak heat") == regions
    height, width = shown.picture.shape[:2]
    for _, (left, top, right, bottom) in shown.texts:
        assert 0 <= left < right <= width, "the text ends inside the viewport"
        assert 0 <= top < bottom <= height


def open_report(page: Page) -> None:
    """Open the SR and wait for its outlines.

    OHIF 3.13 adds the measurements of an SR while its viewport loads, and draws the viewport no more when
    they come last. The next drawing shows them; a change of the window's size causes one.
    """
    page.locator("[data-cy=study-browser-thumbnail-no-image]").first.dblclick()
    page.wait_for_selector("[data-cy=viewport-action-arrows]", timeout=60_000)
    drawn = page.locator("svg.svg-layer text").first
    for height in HEIGHTS:
        with suppress(NotShownError):
            drawn.wait_for(timeout=5_000)
            return
        page.set_viewport_size({"width": WIDTH, "height": height})
    raise AssertionError("OHIF draws nothing of the SR")


def find_viewport(page: Page) -> FloatRect:
    """Return where the viewport is on the page."""
    box = page.locator("svg.svg-layer").first.bounding_box()
    assert box is not None
    return box


def take_picture(page: Page) -> npt.NDArray[np.uint8]:
    """Return the viewport as uint8 (rows, columns, 3)."""
    shot = page.screenshot(clip=find_viewport(page))
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def to_film(picture: npt.NDArray[np.uint8], points: Points) -> Points:
    """Return where points of a viewport's picture lie on the film, by the marks that are drawn on it."""
    found, marks = find_marks(picture), np.array(MARKS, np.float64)
    lines = [np.polyfit(found[:, axis], marks[:, axis], 1) for axis in (0, 1)]
    return points * [line[0] for line in lines] + [line[1] for line in lines]


def put(pacs: Orthanc, *objects: bytes) -> None:
    """Replace what the PACS holds."""
    for patient in pacs.get("/patients"):
        pacs.delete(f"/patients/{patient}")
    for part10 in objects:
        pacs.post("/instances", part10)


def read_points(points: str) -> Points:
    return np.array(points.replace(",", " ").split(), np.float64).reshape(-1, 2)


def find_marks(picture: npt.NDArray[np.uint8]) -> Points:
    """Return the centres of the marks in a picture of the viewport, in the order of `MARKS`."""
    labels, _ = ndimage.label((picture > 225).all(axis=-1))
    centres = []
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        rows, columns = (part.stop - part.start for part in place)
        filled = float((labels[place] == number).mean())
        if min(rows, columns) >= MARK // 3 and abs(rows - columns) <= 2 and filled > 0.85:
            row, column = ndimage.center_of_mass(labels[place] == number)
            centres.append((place[1].start + column + 0.5, place[0].start + row + 0.5))
    assert len(centres) == len(MARKS), f"{len(centres)} marks are seen"
    ordered = sorted(centres, key=lambda centre: centre[1])
    return np.array([*sorted(ordered[:2]), *sorted(ordered[2:])])


def measure_gaps(points: Points, outline: Points) -> Points:
    """Return the distance of each point from an outline, in pixels of the film."""
    starts, ends = outline[:-1], outline[1:]
    along = ends - starts
    lengths = np.maximum((along**2).sum(axis=1), 1e-9)
    share = np.clip(((points[:, None] - starts) * along).sum(axis=2) / lengths, 0, 1)
    nearest = starts + share[..., None] * along
    gaps: Points = np.linalg.norm(points[:, None] - nearest, axis=2).min(axis=1)
    return gaps


def count_coloured(picture: npt.NDArray[np.uint8], line: Points, colour: tuple[int, int, int]) -> float:
    """Return the share of a line beside which the picture has a colour."""
    near = np.abs(picture.astype(int) - colour).max(axis=-1) < 90
    wide = ndimage.binary_dilation(near, iterations=1)
    steps = np.concatenate([np.linspace(start, end, 20) for start, end in pairwise(line)])
    columns, rows = np.floor(steps).astype(int).T
    inside = (columns >= 0) & (rows >= 0) & (columns < picture.shape[1]) & (rows < picture.shape[0])
    return float(wide[rows[inside], columns[inside]].mean())


def find_outline(picture: npt.NDArray[np.uint8]) -> Points:
    """Return where the film has the colour of our picture's outlines; OHIF's own frame has it, too."""
    rows, columns = np.nonzero(np.abs(picture.astype(int) - OUTLINE).max(axis=-1) < 60)
    points = to_film(picture, np.column_stack([columns, rows]) + 0.5)
    inside = (points > 20).all(axis=1) & (points < np.array([COLUMNS, ROWS]) - 20).all(axis=1)
    return points[inside]


def save_picture(picture: npt.NDArray[np.uint8], name: str) -> None:
    """Write a picture of a viewport into the docs, where REDRAW is set."""
    if os.environ.get("REDRAW"):
        image = Image.fromarray(picture)
        image.thumbnail((900, 900))
        image.save(DOCS / "pictures" / name, quality=85)
