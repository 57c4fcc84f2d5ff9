from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from db.films.screenings import Heat
from domain.codes import Finding
from domain.regions import CUT_OFF, MOST_REGIONS, Outline, find_regions, outline_field, trace_regions

MARGIN = 1 / 16
ROWS, COLUMNS = 3200, 2560
"""A film whose cells, on a map of 14 by 14, are 200 rows high and 160 columns wide."""


def make_heat(cells: npt.NDArray[np.uint8], margin: float = MARGIN) -> Heat:
    return Heat(cells.shape[0], cells.shape[1], margin, cells.tobytes())


def make_cells(*hot: tuple[slice, slice], cells: int = 14, value: int = 255) -> npt.NDArray[np.uint8]:
    drawn = np.zeros((cells, cells), np.uint8)
    for place in hot:
        drawn[place] = value
    return drawn


def find(cells: npt.NDArray[np.uint8], margin: float = MARGIN) -> list[Outline]:
    regions = find_regions(Finding.PRESENT, make_heat(cells, margin), ROWS, COLUMNS)
    return [region.outline for region in regions]


def box(outline: Outline) -> tuple[float, ...]:
    return (*outline.min(axis=0), *outline.max(axis=0))


def test_a_region_lies_on_the_film_where_its_cells_do() -> None:
    (outline,) = find(make_cells((slice(3, 6), slice(9, 13))))

    left, top = COLUMNS * MARGIN + 9 * 160, ROWS * MARGIN + 3 * 200
    # The contour of a smooth edge at 0.6 lies a little inside the border between hot and cold cells.
    assert box(outline) == pytest.approx((left, top, left + 4 * 160, top + 3 * 200), abs=25)
    assert left < outline[:, 0].min() < left + 25
    assert top < outline[:, 1].min() < top + 25


def test_0_0_is_the_corner_of_the_film_and_not_the_centre_of_its_first_pixel() -> None:
    cells = make_cells((slice(0, 2), slice(0, 2)), cells=4)

    (outline,) = find(cells, margin=0.0)

    assert outline.min(axis=0).tolist() == [0.0, 0.0]
    # A map and its mirror image have mirrored outlines on a film, whose far corner is Columns\\Rows.
    (mirrored,) = find(np.ascontiguousarray(cells[::-1, ::-1]), margin=0.0)
    assert mirrored.max(axis=0).tolist() == [COLUMNS, ROWS]
    assert box(mirrored)[:2] == pytest.approx(
        (COLUMNS - outline[:, 0].max(), ROWS - outline[:, 1].max()), abs=0.02
    )


def test_a_map_that_is_hot_all_over_gives_the_outline_of_its_field() -> None:
    (outline,) = find(make_cells((slice(None), slice(None))))

    assert box(outline) == box(outline_field(MARGIN, ROWS, COLUMNS)) == (160.0, 200.0, 2400.0, 3000.0)


def test_outlines_are_closed_and_of_hundredths_of_a_pixel() -> None:
    for outline in (*find(make_cells((slice(3, 5), slice(3, 5)))), outline_field(MARGIN, ROWS, COLUMNS)):
        assert outline.shape[1] == 2
        assert len(outline) >= 4
        assert outline[0].tolist() == outline[-1].tolist()
        assert outline == pytest.approx(np.round(outline, 2), abs=1e-9)


@pytest.mark.parametrize("finding", [Finding.ABSENT, Finding.UNDETERMINED])
def test_only_a_finding_that_is_present_has_regions(finding: Finding) -> None:
    heat = make_heat(make_cells((slice(3, 5), slice(3, 5))))

    assert find_regions(Finding.PRESENT, heat, ROWS, COLUMNS)
    assert find_regions(finding, heat, ROWS, COLUMNS) == ()


def test_a_film_without_a_heat_map_or_whose_heat_is_low_has_none() -> None:
    assert find_regions(Finding.PRESENT, None, ROWS, COLUMNS) == ()
    assert find(make_cells((slice(3, 5), slice(3, 5)), value=round(CUT_OFF * 255) - 10)) == []


def test_regions_come_by_size_and_the_smallest_are_left_out() -> None:
    squares = [(slice(0, size), slice(start, start + size)) for start, size in ((0, 2), (3, 3), (7, 4))]
    more = [(slice(6, 7), slice(0, 1)), (slice(6, 8), slice(2, 3)), (slice(10, 12), slice(0, 3))]

    outlines = find(make_cells(*squares, *more))

    sizes = [float(np.prod(outline.max(axis=0) - outline.min(axis=0))) for outline in outlines]
    assert len(outlines) == MOST_REGIONS
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) > 3 * 160 * 200


def test_a_speck_is_no_region() -> None:
    """An area of less than a quarter of a cell says more than the network knows."""
    cells = make_cells((slice(6, 7), slice(6, 7)), value=round(CUT_OFF * 255) + 12)

    assert find(cells) == []
    assert len(find(make_cells((slice(6, 7), slice(6, 7))))) == 1


def test_each_region_has_the_heat_of_its_own_hottest_place() -> None:
    cells = make_cells((slice(0, 5), slice(0, 5)), value=180)
    cells[10:12, 10:12] = 250

    large, small = find_regions(Finding.PRESENT, make_heat(cells), ROWS, COLUMNS)

    assert large.peak == pytest.approx(180 / 255, abs=0.05)
    assert small.peak == pytest.approx(250 / 255, abs=0.05)


def test_a_ring_is_one_region_without_its_hole() -> None:
    cells = make_cells((slice(2, 11), slice(2, 11)))
    cells[5:8, 5:8] = 0

    (region,) = trace_regions(cells.astype(np.float32) / 255)

    assert box(region.outline) == pytest.approx((2, 2, 11, 11), abs=0.2)
