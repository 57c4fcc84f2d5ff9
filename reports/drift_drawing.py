"""The plot of drift: the index by week, with one line for each station and figure with large drift."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from matplotlib.axes import Axes

from domain.languages.sentence import say
from figures.svg_figure import GREY, INK, LINES, TB
from reports.figures import Drift, DriftRow
from reports.wording import DRIFT_FIGURES

MOST_LINES: Final = len(LINES)
MOST_TICKS: Final = 10


def draw_drift(axes: Axes, drift: Drift, tell: Callable[[str], str] = str) -> None:
    """Draw the index by week: the series with the highest maxima with names, all others in grey."""
    series: dict[tuple[str, str, str], list[DriftRow]] = {}
    for row in drift.rows:
        if row.index is not None:
            series.setdefault((row.station, row.figure, row.model or ""), []).append(row)
    ranked = sorted(series.items(), key=lambda item: (-max(row.index or 0 for row in item[1]), item[0]))
    weeks = sorted({row.week for row in drift.rows})
    for _, rows in ranked[MOST_LINES:]:
        axes.plot(*_points(rows, weeks), color=GREY, linewidth=0.8, alpha=0.6)
    for ((station, figure, _), rows), (colour, dash) in zip(ranked, LINES, strict=False):
        axes.plot(
            *_points(rows, weeks),
            color=colour,
            linestyle=dash,
            marker="o",
            markerfacecolor="none",
            markersize=5,
            label=f"{station[:20]}, {tell(DRIFT_FIGURES[figure])}".lstrip("_"),
        )
    alerts = [row for row in drift.rows if row.alert]
    axes.plot(*_points(alerts, weeks), linestyle="none", marker="o", color=TB, markersize=6.5)
    axes.axhline(drift.threshold, color=INK, linewidth=0.9, linestyle="--")
    step = -(-len(weeks) // MOST_TICKS)
    days = [tell(say("{day:%-d %b}", day=week)) for week in weeks]
    axes.set_xticks(range(0, len(weeks), step), days[::step])
    axes.set_xlim(-0.4, max(len(weeks) - 0.6, 0.4))
    axes.set_ylim(bottom=0, top=max(drift.threshold * 2, axes.get_ylim()[1]))
    axes.set(xlabel=tell(say("week from")), ylabel=tell(say("stability index")))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)


def _points(rows: Sequence[DriftRow], weeks: Sequence[date]) -> tuple[list[int], list[float]]:
    return [weeks.index(row.week) for row in rows], [row.index or 0.0 for row in rows]
