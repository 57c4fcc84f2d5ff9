"""The regions of a finding: outlines around the heat of a film, in the film's own pixels.

They are the one source of the outline in each report and on the page. Between the centres of cells the heat
is interpolated linearly; its contour at `CUT_OFF` is traced by contourpy (marching squares); the resize of
the normalization is undone.

Coordinates are pairs of column and row with sub-pixel resolution, as PS3.3 C.10.5.1.2 and C.18.6.1.2 define
them: (0, 0) is the top left corner of the first pixel, (Columns, Rows) the bottom right corner of the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, cast

import contourpy
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from domain.codes import Finding

CUT_OFF: Final = 0.6
"""Heat at the outline of a region, 0..1. Of the steps of 0.1, it is the one at which regions of the default
bundle overlap the boxes of TBX11K best."""
MOST_REGIONS: Final = 4
"""Largest number of regions of a film; the largest ones stay."""
LEAST_CELLS: Final = 0.25
"""Area, in cells of the heat map, below which a region is dropped; that of one cell at heat 1 is 0.37."""
FINER: Final = 4
"""Samples of the interpolated heat per cell and direction, from which the contour is traced."""

Outline = npt.NDArray[np.float64]
"""float64 (n, 2): column and row of each vertex, in pixels of the film; the last vertex is the first one."""
Polygons = tuple[list[Outline], list[npt.NDArray[np.uint32]]]
"""Vertices of each polygon, and where its outline and its holes begin and end among them."""


class HeatMap(Protocol):
    """A stored heat map (`db.films.screenings.Heat`)."""

    @property
    def rows(self) -> int:
        """Cells from top to bottom."""

    @property
    def columns(self) -> int:
        """Cells from left to right."""

    @property
    def margin(self) -> float:
        """Margin without cells at each edge, as a share of the film's height and width, 0 to below 0.5."""

    @property
    def cells(self) -> bytes:
        """uint8 (rows, columns), row by row; 255 is hottest."""


@dataclass(frozen=True, eq=False)
class Region:
    """One region of a film."""

    outline: Outline
    peak: float
    """Highest heat inside, 0..1, at least `CUT_OFF`."""


def find_regions(
    finding: Finding, heat: HeatMap | None, film_rows: int, film_columns: int
) -> tuple[Region, ...]:
    """Return the regions of a film, largest first.

    Args:
        finding: the film's finding; only one that is present has regions.
        heat: the film's heat map, as the film was received; None for a network without one.
        film_rows: Rows (0028,0010) of the film, or the rows of a picture that shows the whole film.
        film_columns: Columns (0028,0011), likewise.

    Returns:
        At most `MOST_REGIONS` regions; none for another finding, or where no heat reaches `CUT_OFF`.
    """
    if finding is not Finding.PRESENT or heat is None:
        return ()
    cells = np.frombuffer(heat.cells, np.uint8).reshape(heat.rows, heat.columns)
    traced = trace_regions(cells.astype(np.float32) / np.float32(255))
    scale = np.array([film_columns / heat.columns, film_rows / heat.rows]) * (1 - 2 * heat.margin)
    corner = np.array([film_columns, film_rows]) * heat.margin
    return tuple(Region(np.round(region.outline * scale + corner, 2), region.peak) for region in traced)


def trace_regions(cells: npt.NDArray[np.float32]) -> tuple[Region, ...]:
    """Return the regions of a heat map, largest first, in units of its cells.

    Args:
        cells: float32 (rows, columns), 0..1.

    Returns:
        At most `MOST_REGIONS` regions; (0, 0) is the top left corner of the map. Holes are filled.
    """
    rows, columns = cells.shape
    larger = Image.fromarray(cells).resize((columns * FINER, rows * FINER), Image.Resampling.BILINEAR)
    fine = np.asarray(larger)
    contours = contourpy.contour_generator(
        _place_samples(columns),
        _place_samples(rows),
        np.pad(fine, 1, mode="edge"),
        fill_type=contourpy.FillType.OuterOffset,
    )
    outlines, offsets = cast("Polygons", contours.filled(CUT_OFF, np.inf))
    regions = []
    for points, starts in zip(outlines, offsets, strict=True):
        outline = points[: starts[1]]  # what follows are holes
        area = _measure_area(outline)
        if area >= LEAST_CELLS:
            regions.append((area, Region(outline, _find_peak(fine, outline))))
    regions.sort(key=lambda measured: -measured[0])
    return tuple(region for _, region in regions[:MOST_REGIONS])


def outline_field(margin: float, film_rows: int, film_columns: int) -> Outline:
    """Return the outline of the field that a heat map covers: five vertices, clockwise from the top left.

    Args:
        margin: as a heat map has it; 0 is the whole film.
        film_rows: Rows (0028,0010) of the film.
        film_columns: Columns (0028,0011) of the film.
    """
    low, high = margin, 1 - margin
    corners = np.array([(low, low), (high, low), (high, high), (low, high), (low, low)])
    return corners * np.array([film_columns, film_rows], np.float64)


def _place_samples(cells: int) -> npt.NDArray[np.float64]:
    """Return where the samples of an axis lie, in cells; the first and the last are at the map's border."""
    inside = (np.arange(cells * FINER) + 0.5) / FINER
    return np.concatenate([[0.0], inside, [float(cells)]])


def _measure_area(outline: Outline) -> float:
    """Return the area of a closed outline (the shoelace formula)."""
    x, y = outline.T
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2


def _find_peak(fine: npt.NDArray[np.float32], outline: Outline) -> float:
    """Return the highest sample inside an outline that is in units of cells."""
    mask = Image.new("1", (fine.shape[1], fine.shape[0]))
    vertices = [(float(x), float(y)) for x, y in outline * FINER - 0.5]
    ImageDraw.Draw(mask).polygon(vertices, fill=1)
    return float(fine.max(where=np.asarray(mask), initial=CUT_OFF))
