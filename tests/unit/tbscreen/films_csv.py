"""A bundle's `films.csv`, drawn."""

from __future__ import annotations

import numpy as np


def make_films_csv(
    count: int = 200, noise: float = 0.1, seed: int = 1, first: int = 0, part: str = "test"
) -> str:
    """Return films of which every second has TB; the less noise, the better the scores tell them apart.

    Args:
        count: how many films.
        noise: standard deviation of the scores, which lie 0.4 apart.
        seed: of the noise.
        first: digests count from here.
        part: of all of them.
    """
    lines = ["digest,part,source,label,score"]
    for number, draw in enumerate(np.random.default_rng(seed).normal(0, noise, count).tolist()):
        label, middle = ("tb", 0.7) if number % 2 == 0 else ("normal", 0.3)
        lines.append(f"{first + number:032x},{part},here,{label},{min(max(middle + draw, 0.0), 1.0)!r}")
    return "\n".join(lines) + "\n"
