"""Arrival times of films over a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

HOUR_S: Final = 3600.0

HOURS: Final = (1, 1, 1, 1, 1, 2, 4, 9, 14, 15, 13, 10, 7, 8, 9, 7, 5, 3, 2, 2, 2, 1, 1, 1)
"""Share of the films of a hospital by hour from midnight. Assumed, not measured."""

Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Day:
    """The films that a site receives in a day.

    Args:
        films: in the mean.
        van_share: 0..1, of the films that come from vans.
        films_per_van: which a van has taken during its day.
        van_hours: between which a van comes back into the network, hours of the day.
        van_pause_s: from one film of a van to its next: 10 MB at 50 Mbit/s.
    """

    films: float
    van_share: float = 0.2
    films_per_van: int = 150
    van_hours: tuple[float, float] = (15.5, 18.0)
    van_pause_s: float = 1.6

    def draw(self, random: np.random.Generator) -> Seconds:
        """Draw the seconds after midnight at which films are sent, sorted."""
        walked_in = draw_poisson(self.films * (1 - self.van_share), HOURS, random)
        vans = random.poisson(self.films * self.van_share / self.films_per_van)
        back = random.uniform(*self.van_hours, size=vans) * HOUR_S
        sent = back[:, np.newaxis] + np.arange(self.films_per_van) * self.van_pause_s
        return np.sort(np.concatenate([walked_in, sent.ravel()]))


def draw_poisson(mean: float, hours: tuple[int, ...], random: np.random.Generator) -> Seconds:
    """Draw a Poisson process whose rate is constant within each hour.

    Args:
        mean: events in all, in the mean.
        hours: weights of the hours.
        random: where chance comes from.

    Returns:
        Seconds after midnight, sorted.
    """
    steps = np.concatenate([[0.0], np.cumsum(hours)]) / sum(hours)
    places = np.sort(random.random(random.poisson(mean)))
    return np.asarray(np.interp(places, steps, np.arange(len(steps)) * HOUR_S))
