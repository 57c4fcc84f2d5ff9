"""Agreement of regions (`domain.regions`) with marked lesions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from pydantic import BaseModel, ConfigDict

from domain.array.normalization import SPEC
from domain.regions import Outline, trace_regions
from judging.statistics import Estimate, measure_proportion
from training.films.labelled_film import Box

HIT: Final = 0.5
"""Share of a region's area inside the boxes from which the region is a hit."""


class RegionFigures(BaseModel):
    """Figures of regions over films with boxes whose finding is present."""

    model_config = ConfigDict(frozen=True)

    films: int
    """Films with boxes and a score from the screening threshold upwards."""
    regions: float
    """Mean number of regions of a film."""
    hits: Estimate | None
    """Share of regions with half of their area in boxes at least; Wilson. None without regions."""
    boxes_met: Estimate
    """Share of boxes that a region overlaps; Wilson."""
    films_without: Estimate
    """Share of films that have no region; Wilson."""


def measure_regions(
    maps: Sequence[npt.NDArray[np.float32]],
    boxes: Sequence[Sequence[Box]],
    margin: int,
    cell_pixels: int,
) -> RegionFigures | None:
    """Compare the regions of films with their boxes.

    Args:
        maps: heat maps of films whose finding is present, float32 (g, g), 0..1.
        boxes: at least one box per film, in pixels of the (256, 256) array.
        margin: pixels between the border of the array and the field of the maps.
        cell_pixels: side of a cell in pixels.

    Returns:
        The figures, or None without films.
    """
    drawn = hits = met = bare = 0
    for heat, marked in zip(maps, boxes, strict=True):
        outlines = [region.outline * cell_pixels + margin for region in trace_regions(heat)]
        masks = [_fill(outline) for outline in outlines]
        inside = np.zeros((SPEC.rows, SPEC.columns), np.bool_)
        for box in marked:
            inside[box.y0 : box.y1, box.x0 : box.x1] = True
        drawn += len(masks)
        bare += not masks
        hits += sum(bool(inside[mask].mean() >= HIT) for mask in masks)
        met += sum(
            any(bool(mask[box.y0 : box.y1, box.x0 : box.x1].any()) for mask in masks) for box in marked
        )
    boxes_met = measure_proportion(met, sum(map(len, boxes)))
    films_without = measure_proportion(bare, len(maps))
    if boxes_met is None or films_without is None:
        return None
    return RegionFigures(
        films=len(maps),
        regions=drawn / len(maps),
        hits=measure_proportion(hits, drawn),
        boxes_met=boxes_met,
        films_without=films_without,
    )


def _meets(mask: npt.NDArray[np.bool_], box: Box) -> bool:
    return bool(mask[box.y0 : box.y1, box.x0 : box.x1].any())


def _fill(outline: Outline) -> npt.NDArray[np.bool_]:
    """Return the mask (256, 256) of a closed outline in pixels of the array; never empty."""
    mask = Image.new("1", (SPEC.columns, SPEC.rows))
    vertices = [(float(x) - 0.5, float(y) - 0.5) for x, y in outline]
    ImageDraw.Draw(mask).polygon(vertices, fill=1, outline=1)
    return np.asarray(mask, np.bool_)
