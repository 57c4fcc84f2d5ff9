"""Turning of an array that shows a chest film on its side, upside down or with inverted greys.

The observations of a film say how its array was turned. What a network finds in the array is turned back, so
that it fits the film as it was received.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from domain.array.image_guard import Certainty, GuardNetwork, Opinion, Picture
from domain.array.normalization import FilmArray
from domain.codes import Observation

QUARTERS: Final = {Observation.TURNED_90: 1, Observation.TURNED_180: 2, Observation.TURNED_270: 3}
"""Quarter turns, counter-clockwise."""

WAYS: Final[tuple[tuple[Observation, ...], ...]] = (
    (Observation.TURNED_180,),
    (Observation.TURNED_90,),
    (Observation.TURNED_270,),
    (Observation.INVERTED,),
    (Observation.TURNED_180, Observation.INVERTED),
    (Observation.TURNED_90, Observation.INVERTED),
    (Observation.TURNED_270, Observation.INVERTED),
)
"""All ways to turn an array, except none."""

MOST_OF_OTHERS: Final = 0.5
"""Highest chest probability of any other way; above it the way up is not clear."""

Plane = TypeVar("Plane", bound=np.generic)


@dataclass(frozen=True)
class UprightFilm:
    """An array as it is scored, with the guard's opinion on it.

    Attributes:
        array: float32 (256, 256), 0..1.
        opinion: the opinion on this array.
        observations: how it was turned; empty for an array as it came.
    """

    array: FilmArray
    opinion: Opinion
    observations: tuple[Observation, ...] = ()


def find_upright(array: FilmArray, network: GuardNetwork) -> UprightFilm:
    """Judge an array, and turn one that looks like a turned chest film if the way up is clear.

    The way up is clear if one way gives an array that the guard takes with near-certainty, and no other way
    gives a probable chest film. A mirrored film is left as it is: dextrocardia exists.
    """
    opinion = network.judge(array)
    if opinion.certainty is not Certainty.UNSURE or opinion.picture is not Picture.TURNED_CHEST:
        return UprightFilm(array, opinion)
    tried = [UprightFilm(turned, network.judge(turned), way) for way in WAYS for turned in [turn(array, way)]]
    best = max(tried, key=lambda film: film.opinion.chest_probability)
    others = [film.opinion.chest_probability for film in tried if film is not best]
    if best.opinion.near_certain and max(others) <= MOST_OF_OTHERS:
        return best
    return UprightFilm(array, opinion)


def turn(array: FilmArray, observations: Sequence[Observation]) -> FilmArray:
    """Return an array turned and inverted as the observations say; others are ignored."""
    turned = np.rot90(array, _count_quarters(observations))
    if Observation.INVERTED in observations:
        turned = np.float32(1.0) - turned
    return np.ascontiguousarray(turned, dtype=np.float32)


def turn_back(cells: npt.NDArray[Plane], observations: Sequence[Observation]) -> npt.NDArray[Plane]:
    """Return a map over a turned array, such as a heat map (rows, columns), as it lies on the film."""
    return np.rot90(cells, -_count_quarters(observations))


def _count_quarters(observations: Sequence[Observation]) -> int:
    return sum(QUARTERS.get(observation, 0) for observation in observations)
