"""Tables about hospitals that the scoring network did not see, for the report and the model card."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from figures.text_table import TextTable
from judging.wording import NOTHING, write_figure
from training.judging.evaluation import ROW_POINTS
from training.judging.left_out_figures import LeftOutFigures, PointSpread, Spread
from training.writing.wording import name_point


def tabulate_left_out(figures: LeftOutFigures) -> tuple[TextTable, ...]:
    """Return the tables of spread, bands, and TB against other illness."""
    tables = [_tabulate_points(figures), _tabulate_bands(figures)]
    if figures.pairs:
        tables.append(_tabulate_pairs(figures))
    return tuple(tables)


def write_points(figures: LeftOutFigures) -> list[str]:
    """Return a sentence on screening and one on rule-in."""
    return [
        f"At the {name_point(point.name)} threshold, averaged over hospitals that the scoring network never "
        f"saw: sensitivity {_write_spread(point.sensitivity)}, specificity among normal films "
        f"{_write_spread(point.specificity_normal)}, among the ill without TB "
        f"{_write_spread(point.specificity_ill)}."
        for point in figures.points
        if point.name in ROW_POINTS
    ]


def _tabulate_points(figures: LeftOutFigures) -> TextTable:
    groups = "; ".join(", ".join(group) for group in figures.groups)
    return TextTable(
        title="Operating points at hospitals that the scoring network never saw",
        columns=("operating point", "threshold", "sensitivity", "specificity, normal", "specificity, ill"),
        rows=[_write_point(point) for point in figures.points],
        note="The average over hospitals with 20 films of the kind at least, and the worst of them. A film "
        "weighs 1 / (n + 30), n being the films of its source and label. The operating points were chosen on "
        f"these films. Left out together: {groups}. Sources that are not named were left out of no network.",
    )


def _write_point(point: PointSpread) -> tuple[str, ...]:
    spreads = (point.sensitivity, point.specificity_normal, point.specificity_ill)
    return (name_point(point.name), f"{point.threshold:.3f}", *(_write_spread(spread) for spread in spreads))


def _write_spread(spread: Spread | None) -> str:
    """Return "91 % (worst hospital 84 %, shenzhen)"; a dash for None."""
    if spread is None:
        return NOTHING
    return f"{spread.average:.0%} (worst hospital {spread.worst:.0%}, {spread.worst_source})".replace(
        "%", " %"
    )


def _tabulate_bands(figures: LeftOutFigures) -> TextTable:
    return TextTable(
        title="Priorities of films of hospitals that the scoring network never saw",
        columns=("films", "HIGH", "MEDIUM", "LOW"),
        rows=[
            (bands.name, *(f"{share * 100:.1f} %" for share in (bands.high, bands.medium, bands.low)))
            for bands in figures.bands
        ],
        note="HIGH from rule-in, MEDIUM from screening upwards; averaged over hospitals.",
    )


def _tabulate_pairs(figures: LeftOutFigures) -> TextTable:
    ills: Sequence[str] = list(dict.fromkeys(pair.ill for pair in figures.pairs))
    found = {(pair.tb, pair.ill): write_figure(pair.auc) for pair in figures.pairs}
    values = [pair.auc.value for pair in figures.pairs]
    return TextTable(
        title="AUC of TB against the ill without TB of other hospitals",
        columns=("TB of", *ills),
        rows=[
            (sick, *(found.get((sick, ill), NOTHING) for ill in ills))
            for sick in dict.fromkeys(pair.tb for pair in figures.pairs)
        ],
        note=f"Worst {min(values):.3f}, median {float(np.median(values)):.3f}. Each film was scored by a "
        "network that did not see its hospital; two columns may be scored by different networks.",
    )
