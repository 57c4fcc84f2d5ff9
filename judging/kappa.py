"""Cohen's kappa: agreement of two raters beyond chance."""

from __future__ import annotations

import math
from collections.abc import Iterable

from judging.statistics import Estimate, Z


def measure_kappa(pairs: Iterable[tuple[bool, bool]]) -> Estimate | None:
    """Return Cohen's kappa (Educational and Psychological Measurement 1960) with its 95 % interval.

    The standard error is that of Fleiss, Cohen and Everitt (Psychological Bulletin 1969); the interval is cut
    to -1..1. It is too narrow for a few pairs, and for pairs that are not independent.

    Args:
        pairs: the verdicts of both raters on each item.

    Returns:
        None without pairs, and where both raters give one and the same verdict to all: chance alone would.
    """
    counts = {(first, second): 0 for first in (True, False) for second in (True, False)}
    for pair in pairs:
        counts[pair] += 1
    number = sum(counts.values())
    if number == 0:
        return None
    cells = {pair: count / number for pair, count in counts.items()}
    rows = {value: cells[value, True] + cells[value, False] for value in (True, False)}
    columns = {value: cells[True, value] + cells[False, value] for value in (True, False)}
    observed = cells[True, True] + cells[False, False]
    chance = sum(rows[value] * columns[value] for value in (True, False))
    if chance == 1:
        return None
    kappa = (observed - chance) / (1 - chance)
    alike = sum(
        cells[value, value] * (1 - (rows[value] + columns[value]) * (1 - kappa)) ** 2
        for value in (True, False)
    )
    apart = sum(cells[first, not first] * (columns[first] + rows[not first]) ** 2 for first in (True, False))
    variance = alike + (1 - kappa) ** 2 * apart - (kappa - chance * (1 - kappa)) ** 2
    reach = Z * math.sqrt(max(variance, 0.0) / number) / (1 - chance)
    return Estimate(value=kappa, low=max(kappa - reach, -1.0), high=min(kappa + reach, 1.0))
