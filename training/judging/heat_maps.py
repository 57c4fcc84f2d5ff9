"""Agreement of heat maps with marked lesions: pointing game and share of heat (Zhang et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from judging.statistics import Estimate, measure_proportion
from training.films.labelled_film import Box

HeatMap = npt.NDArray[np.float32]
"""Heat map over the central field of the film: float32 (g, g), 0..1."""


class HeatFigures(BaseModel):
    """Figures of heat maps over n films with boxes."""

    model_config = ConfigDict(frozen=True)

    films: int
    pointing: Estimate
    """Share of films whose hottest cell has its centre in a box or at most half a cell outside; Wilson."""
    centre_pointing: Estimate
    """The same share for the best constant answer, which always points at the same cell."""
    heat_in_boxes: float
    """Mean share of a film's heat inside its boxes, 0..1."""
    boxes_area: float
    """Mean share of the field that the boxes cover, which is the share of heat that is spread evenly."""


def measure_heat(
    maps: Sequence[HeatMap], boxes: Sequence[Sequence[Box]], margin: int, cell_pixels: int
) -> HeatFigures | None:
    """Compare heat maps with boxes.

    Args:
        maps: one heat map per film.
        boxes: at least one box per film, in pixels of the (256, 256) array.
        margin: pixels between the border of the array and the field of the maps.
        cell_pixels: side of a cell in pixels.

    Returns:
        The figures, or None without films.
    """
    if not maps:
        return None
    hits, shares, areas = 0, [], []
    reached = np.zeros(maps[0].shape, int)
    for heat, marked in zip(maps, boxes, strict=True):
        allowed = _mark_reach(marked, heat.shape[0], margin, cell_pixels)
        reached += allowed
        hits += bool(allowed[np.unravel_index(int(heat.argmax()), heat.shape)])
        cover = _cover(marked, heat.shape[0], margin, cell_pixels)
        shares.append(float((heat * cover).sum() / max(float(heat.sum()), 1e-12)))
        areas.append(float(cover.mean()))
    pointing = measure_proportion(hits, len(maps))
    constant = measure_proportion(int(reached.max()), len(maps))
    assert pointing is not None
    assert constant is not None
    return HeatFigures(
        films=len(maps),
        pointing=pointing,
        centre_pointing=constant,
        heat_in_boxes=float(np.mean(shares)),
        boxes_area=float(np.mean(areas)),
    )


def _mark_reach(boxes: Sequence[Box], cells: int, margin: int, cell_pixels: int) -> npt.NDArray[np.bool_]:
    """Return the cells that count as a hit: their centre lies in a box or at most half a cell outside."""
    centres = margin + (np.arange(cells) + 0.5) * cell_pixels
    slack = cell_pixels / 2
    reach = np.zeros((cells, cells), bool)
    for box in boxes:
        rows = (centres >= box.y0 - slack) & (centres <= box.y1 + slack)
        columns = (centres >= box.x0 - slack) & (centres <= box.x1 + slack)
        reach |= rows[:, np.newaxis] & columns
    return reach


def _cover(boxes: Sequence[Box], cells: int, margin: int, cell_pixels: int) -> npt.NDArray[np.float64]:
    """Return the share of each cell inside a box, 0..1."""
    side = cells * cell_pixels
    whole = np.zeros((side + 2 * margin, side + 2 * margin))
    for box in boxes:
        whole[box.y0 : box.y1, box.x0 : box.x1] = 1
    mask = whole[margin : margin + side, margin : margin + side]
    cover: npt.NDArray[np.float64] = mask.reshape(cells, cell_pixels, cells, cell_pixels).mean(axis=(1, 3))
    return cover
