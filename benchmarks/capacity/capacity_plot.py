"""Bad days as a picture: films that come and go, and films that wait."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.capacity.arrivals import HOUR_S
from benchmarks.capacity.outcome import count_rate, count_waiting
from benchmarks.capacity.simulation import Course

TICK_S = 300.0
OUTAGES_H = ((10, 11), (20, 30))
"""Without a worker host, without the PACS."""
COLOURS = {"in the spool": "#0b6e99", "in the broker": "#e3a857", "reports": "#5b8c3a"}


def draw(days: Sequence[tuple[str, Course, int]], path: Path) -> None:
    """Draw days beside each other.

    Args:
        days: title, what happened in one part of the site, and how many parts there are.
        path: of the PNG.
    """
    mpl.use("Agg")
    figure, panels = plt.subplots(2, len(days), figsize=(5 * len(days), 7), sharex=True, layout="constrained")
    for number, (title, course, parts) in enumerate(days):
        _draw_rates(panels[0, number], course, parts)
        _draw_waiting(panels[1, number], course, parts)
        panels[0, number].set_title(title, loc="left")
    panels[0, 0].set_ylabel("films a second")
    panels[1, 0].set_ylabel("films that wait")
    for panel in panels.ravel():
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_xlim(0, 34)
        panel.set_xticks(range(0, 34, 4))
        panel.set_ylim(bottom=0)
        panel.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        for begins, ends in OUTAGES_H:
            panel.axvspan(begins, ends, color="#999999", alpha=0.15, linewidth=0)
    for panel in panels[1]:
        panel.set_xlabel("hours since midnight")
    panels[0, 0].legend(loc="upper right", frameon=False)
    panels[1, 0].legend(loc="upper left", frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_rates(panel: Axes, course: Course, parts: int) -> None:
    bins = np.arange(0.0, 34 * HOUR_S, TICK_S)
    hours = bins[:-1] / HOUR_S
    names = [stage.name for stage in course.stages]
    rates = {
        "reported": (course.ended[-1], "#5b8c3a"),
        "screened": (course.ended[names.index("worker")], "#b5472f"),
        "sent": (course.arrived, "#333333"),
    }
    for name, (times, colour) in rates.items():
        panel.step(hours, count_rate(times, bins) * parts, color=colour, linewidth=1, label=name)


def _draw_waiting(panel: Axes, course: Course, parts: int) -> None:
    clock = np.arange(0.0, 34 * HOUR_S, TICK_S / 5)
    waiting = count_waiting(course, clock)
    for name, colour in COLOURS.items():
        panel.fill_between(
            clock / HOUR_S, waiting[name] * parts, color=colour, alpha=0.75, linewidth=0, label=name
        )
