"""Drift of films and scores by the population stability index (PSI) of each station and week.

PSI = sum over bins of (a - b) ln(a / b), where a and b are the shares of films of the week and of the
reference (Siddiqi 2006). The bins are tenths of the reference; half a film is added to each, so that an empty
bin gives no infinity. Without drift, PSI is about (1/n + 1/m) times a chi-squared variable with bins - 1
degrees of freedom (Yurdakul 2018), so that a week of 50 films reaches 0.25 easily. So an alert needs an index
above both the threshold of the settings and the limit that chance exceeds once in 1,000.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from datetime import date
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.counts.read_films import FilmInput
from reports.figures import Drift, DriftRow
from reports.period import Period

BINS: Final = 10
FEWEST_FILMS: Final = 30
"""Minimum number of films in a week; a week with fewer has no index."""
FEWEST_REFERENCE_FILMS: Final = 100
FIGURES: Final = ("score", "mean", "contrast", "black", "age")
ONE_IN_A_THOUSAND: Final = 3.090232306167813
"""One-sided quantile of the standard normal distribution."""

Key = tuple[str, str, str | None]
"""Station, figure and, for scores, the model."""

Samples: TypeAlias = "dict[Key, array[float]]"


def measure_drift(
    reference: Iterable[FilmInput],
    films: Iterable[FilmInput],
    reference_period: Period,
    threshold: float,
) -> Drift:
    """Compare the weeks of each station with the reference of the same station.

    Args:
        reference: films of the reference period.
        films: films of the period of the report.
        reference_period: the reference period.
        threshold: index from which drift is an alert.
    """
    before: Samples = {}
    for film in reference:
        _add(before, film)
    weeks: dict[str, Samples] = {}
    for film in films:
        _add(weeks.setdefault(film.week, {}), film)
    rows = [
        _compare(key, week, sample, before.get(key), threshold)
        for week, samples in sorted(weeks.items())
        for key, sample in sorted(samples.items(), key=lambda item: _order(item[0]))
    ]
    return Drift(
        reference_first=reference_period.first,
        reference_last=reference_period.last,
        threshold=threshold,
        rows=tuple(rows),
    )


def compute_stability_index(reference: NDArray[np.float64], sample: NDArray[np.float64]) -> tuple[float, int]:
    """Return the index and the number of bins, which are tenths of `reference` with equal edges merged.

    Args:
        reference: shape (m,), m > 0.
        sample: shape (n,), n > 0.
    """
    inner = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = len(inner) + 1
    before = np.bincount(np.searchsorted(inner, reference, side="right"), minlength=bins) + 0.5
    after = np.bincount(np.searchsorted(inner, sample, side="right"), minlength=bins) + 0.5
    a, b = after / after.sum(), before / before.sum()
    return float(np.sum((a - b) * np.log(a / b))), bins


def find_chance_limit(films: int, reference_films: int, bins: int) -> float:
    """Return the index that chance alone reaches once in 1,000, without drift.

    The quantile of chi-squared is that of Wilson and Hilferty (1931), within 2 % from 3 degrees of freedom.
    SciPy's is exact, but would change the limits of existing reports.
    """
    freedom = max(bins - 1, 1)
    root = 1 - 2 / (9 * freedom) + ONE_IN_A_THOUSAND * math.sqrt(2 / (9 * freedom))
    return freedom * root**3 * (1 / films + 1 / reference_films)


def _add(samples: Samples, film: FilmInput) -> None:
    values = (film.score, film.array_mean, film.array_deviation, film.array_dark, film.age_years)
    for figure, value in zip(FIGURES, values, strict=True):
        if value is not None:
            key = (film.station, figure, film.model if figure == "score" else None)
            samples.setdefault(key, array("d")).append(value)


def _order(key: Key) -> tuple[str, int, str]:
    return key[0], FIGURES.index(key[1]), key[2] or ""


def _compare(
    key: Key, week: str, sample: array[float], reference: array[float] | None, threshold: float
) -> DriftRow:
    known = 0 if reference is None else len(reference)
    index = limit = None
    if reference is not None and len(sample) >= FEWEST_FILMS and known >= FEWEST_REFERENCE_FILMS:
        index, bins = compute_stability_index(np.array(reference), np.array(sample))
        limit = max(threshold, find_chance_limit(len(sample), known, bins))
    return DriftRow(
        station=key[0],
        week=date.fromisoformat(week),
        figure=key[1],
        model=key[2],
        films=len(sample),
        reference_films=known,
        index=index,
        limit=limit,
        alert=index is not None and limit is not None and index >= limit,
    )
