"""Whether a model looks where readers marked lesions: pointing game and share of heat (Zhang et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from judging.statistics import Estimate, measure_proportion
from training.films.labelled_film import Box

HeatMap = npt.NDArray[np.float32]
"""float32 (g, g), 0..1, over the central field of the film."""


@dataclass(frozen=True)
class HeatFigures:
    """Over n films with boxes."""

    films: int
    pointing: Estimate
    """Share of films whose hottest cell lies in a box, its centre at most half a cell outside; Wilson."""
    centre_pointing: Estimate
    """The same for the trivial answer that always points at one and the same cell: the best one."""
    heat_in_boxes: float
    """Mean share of a film's heat that lies in its boxes, 0..1."""
    boxes_area: float
    """Mean share of the field that the boxes cover: what heat spread evenly would reach."""


def measure_heat(
    maps: Sequence[HeatMap], boxes: Sequence[Sequence[Box]], margin: int, cell_pixels: int
) -> HeatFigures | None:
    """Compare heat maps with boxes.

    Args:
        maps: one per film.
        boxes: of each film, at least one, in pixels of the (256, 256) array.
        margin: pixels between the array's border and the field of the maps.
        cell_pixels: side of a cell.

    Returns:
        None when there are no films.
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
    return HeatFigures(len(maps), pointing, constant, float(np.mean(shares)), float(np.mean(areas)))


def _mark_reach(boxes: Sequence[Box], cells: int, margin: int, cell_pixels: int) -> npt.NDArray[np.bool_]:
    """Say which cells count as a hit: their centre in a box, or at most half a cell outside."""
    centres = margin + (np.arange(cells) + 0.5) * cell_pixels
    slack = cell_pixels / 2
    reach = np.zeros((cells, cells), bool)
    for box in boxes:
        rows = (centres >= box.y0 - slack) & (centres <= box.y1 + slack)
        columns = (centres >= box.x0 - slack) & (centres <= box.x1 + slack)
        reach |= rows[:, np.newaxis] & columns
    return reach


def _cover(boxes: Sequence[Box], cells: int, margin: int, cell_pixels: int) -> npt.NDArray[np.float64]:
    """Return which share of each cell lies in a box, 0..1."""
    side = cells * cell_pixels
    whole = np.zeros((side + 2 * margin, side + 2 * margin))
    for box in boxes:
        whole[box.y0 : box.y1, box.x0 : box.x1] = 1
    mask = whole[margin : margin + side, margin : margin + side]
    cover: npt.NDArray[np.float64] = mask.reshape(cells, cell_pixels, cells, cell_pixels).mean(axis=(1, 3))
    return cover
