"""Figures of hospitals that the scoring network did not see: the spread between them at each operating point.

A film weighs 1 / (n + 30), where n is the number of films of its source and label. So a collection of 2,000
films counts hardly more than a hospital of 200, and a handful of films counts little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.bundle.manifest import OperatingPoint
from judging.operating_points import choose_operating_points
from judging.statistics import Estimate, measure_auc
from training.films.labelled_film import Label
from training.judging.evaluation import ROW_POINTS, Figures, Row, Scores, describe_where
from training.judging.scored_films import ScoredFilms

DAMPING: Final = 30
FEWEST: Final = 20
"""Fewest films of a source and label that can be the worst of a spread, or stand in a pair."""
RULE_IN: Final = 0.95
"""Specificity of rule-in, far enough above screening that there are films between the two."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Spread(Figures):
    """A share, 0..1, averaged over hospitals with 20 films at least, with the hospital where it is worst."""

    average: float
    worst: float
    worst_source: str


class PointSpread(Figures):
    """The spread of one operating point; None where no source has 20 films of the kind."""

    name: str
    threshold: float
    sensitivity: Spread | None
    specificity_normal: Spread | None
    specificity_ill: Spread | None


class Pair(Figures):
    """TB of one source against the ill without TB of another."""

    tb: str
    ill: str
    auc: Estimate


class Bands(Figures):
    """Shares of films with HIGH, MEDIUM and LOW priority, averaged over hospitals."""

    name: str
    high: float
    medium: float
    low: float


class LeftOutFigures(Figures):
    """All figures of left-out sources, for the manifest, the report and the card."""

    groups: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]
    points: tuple[PointSpread, ...]
    pairs: tuple[Pair, ...]
    bands: tuple[Bands, ...]


def weigh(films: ScoredFilms) -> Floats:
    """Return the weight (n,) of each film."""
    strata = list(zip(films.sources.tolist(), films.labels.tolist(), strict=True))
    counts = Counter(strata)
    return np.array([1.0 / (counts[stratum] + DAMPING) for stratum in strata])


def choose_travelling_points(films: ScoredFilms) -> tuple[OperatingPoint, ...]:
    """Choose the operating points by sensitivity and specificity averaged over left-out hospitals.

    The specificity is that among normal films, of whom most people screened are; that among the ill is
    reported beside it. Without normal films it is that among all films without TB.
    """
    normal = films.labels == Label.NORMAL.value
    chosen = films.is_tb | normal if normal.any() else np.ones(len(films), dtype=bool)
    weights = weigh(films)[chosen]
    return choose_operating_points(films.is_tb[chosen], films.scores[chosen], weights, RULE_IN, balanced=True)


def measure_left_out(
    films: ScoredFilms,
    groups: Sequence[tuple[str, ...]],
    points: Sequence[OperatingPoint],
    prevalence: float,
    baselines: Scores | None = None,
) -> LeftOutFigures:
    """Compute every figure of left-out films.

    Args:
        films: the films of all groups, each scored by a network that did not see its group.
        groups: sources that were left out together.
        points: operating points of the bundle.
        prevalence: share of TB in the population whose bands are stated, 0..1.
        baselines: scores of the baselines, shape (n,), by name.
    """
    return LeftOutFigures(
        groups=tuple(groups),
        rows=tuple(_list_rows(films, points, baselines or {})),
        points=tuple(_measure_point(films, point) for point in points),
        pairs=tuple(_list_pairs(films)),
        bands=tuple(_list_bands(films, points, prevalence)),
    )


def _list_rows(films: ScoredFilms, points: Sequence[OperatingPoint], baselines: Scores) -> list[Row]:
    """Return a row of each source, and rows of its normal and its ill films where it has both."""
    rows = []
    for source in np.unique(films.sources).tolist():
        here = films.sources == source
        labels = [label for label in Label if (here & (films.labels == label.value)).any()]
        kinds = {source: here}
        if {Label.NORMAL, Label.OTHER} <= set(labels):
            kinds |= {
                f"{source}, {name}": here & (films.labels == label.value)
                for label, name in ((Label.NORMAL, "normal"), (Label.OTHER, "ill, not TB"))
            }
        rows += [
            describe_where(films, mask, name, points, baselines).model_copy(
                update={"seen_in_training": False}
            )
            for name, mask in kinds.items()
        ]
    return rows


def _measure_point(films: ScoredFilms, point: OperatingPoint) -> PointSpread:
    positive = films.scores >= point.threshold
    return PointSpread(
        name=point.name,
        threshold=point.threshold,
        sensitivity=_spread(films, films.labels == Label.TB.value, positive),
        specificity_normal=_spread(films, films.labels == Label.NORMAL.value, ~positive),
        specificity_ill=_spread(films, films.labels == Label.OTHER.value, ~positive),
    )


def _spread(films: ScoredFilms, mask: Mask, right: Mask) -> Spread | None:
    shares = {
        source: float(right[mask & (films.sources == source)].mean())
        for source, count in Counter(films.sources[mask].tolist()).items()
        if count >= FEWEST
    }
    if not shares:
        return None
    worst = min(shares, key=lambda source: (shares[source], source))
    counted = mask & np.isin(films.sources, list(shares))
    average = float(np.average(right[counted], weights=weigh(films)[counted]))
    return Spread(average=average, worst=shares[worst], worst_source=worst)


def _list_pairs(films: ScoredFilms) -> list[Pair]:
    """Return the AUC of TB of each source against the ill of each other source."""
    sets = {
        label: {
            source: films.scores[(films.labels == label.value) & (films.sources == source)]
            for source in np.unique(films.sources).tolist()
        }
        for label in (Label.TB, Label.OTHER)
    }
    return [
        Pair(
            tb=sick,
            ill=ill,
            auc=measure_auc([True] * len(ours) + [False] * len(theirs), np.append(ours, theirs)),
        )
        for sick, ours in sets[Label.TB].items()
        for ill, theirs in sets[Label.OTHER].items()
        if sick != ill and min(len(ours), len(theirs)) >= FEWEST
    ]


def _list_bands(films: ScoredFilms, points: Sequence[OperatingPoint], prevalence: float) -> list[Bands]:
    """Return the bands of each label, and those of a population of TB and normal films."""
    screening, rule_in = (
        next(point.threshold for point in points if point.name == name) for name in ROW_POINTS
    )
    weights = weigh(films)
    bands = {}
    for label, name in ((Label.TB, "TB"), (Label.NORMAL, "normal"), (Label.OTHER, "ill, not TB")):
        mask = films.labels == label.value
        if mask.any():
            shares = [
                float(np.average(films.scores[mask] >= threshold, weights=weights[mask]))
                for threshold in (rule_in, screening)
            ]
            bands[name] = np.array([shares[0], shares[1] - shares[0], 1.0 - shares[1]])
    if {"TB", "normal"} <= bands.keys():
        mixed = prevalence * bands["TB"] + (1.0 - prevalence) * bands["normal"]
        bands[f"people screened, {prevalence:.1%} with TB, the others healthy"] = mixed
    return [
        Bands(name=name, high=float(high), medium=float(medium), low=float(low))
        for name, (high, medium, low) in bands.items()
    ]
