"""Score bands of a calibration study: names, table, picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from figures.svg_figure import GREY, NORMAL, TB
from figures.text_table import TextTable
from reports.calibration_study.analysis import BandCount
from reports.drawings import HALF, Picture
from reports.wording import write_count


def write_share(share: float) -> str:
    """Return "12.3 %"."""
    return f"{share * 100:.1f} %"


def name_band(begins: float, following: float | None) -> str:
    """Return a band in words, from its lowest score to that of the following band, if any."""
    if following is None:
        return f"from {begins:.4f}"
    return f"below {following:.4f}" if begins == 0 else f"{begins:.4f} to {following:.4f}"


def tabulate_bands(bands: Sequence[BandCount]) -> TextTable:
    """Return people, draws and results of each band."""
    rows = [
        (
            name_band(band.begins, following),
            write_count(band.people),
            write_share(band.share),
            write_count(band.drawn),
            write_count(band.tb),
            write_count(band.not_tb),
            write_count(band.waiting),
        )
        for band, following in _follow(bands)
    ]
    columns = ("scores", "people", "to test", "drawn", "TB", "not TB", "no result")
    return TextTable("Score bands", columns, rows)


def picture_bands(bands: Sequence[BandCount]) -> Picture:
    """Return the picture of people, draws and cases of each band."""
    names = [name_band(band.begins, following) for band, following in _follow(bands)]

    def draw(axes: Axes) -> None:
        places = np.arange(len(bands))[::-1]
        for values, colour, name in (
            ([band.people for band in bands], GREY, "people"),
            ([band.drawn for band in bands], NORMAL, "drawn"),
            ([band.tb for band in bands], TB, "TB"),
        ):
            axes.barh(
                places, values, color=colour, height=0.62, label=name, alpha=0.5 if colour == GREY else 1
            )
        axes.set_yticks(list(places), names)
        axes.tick_params(axis="y", length=0)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)

    caption = "People, those drawn for a test and those found to have TB, by score band."
    return Picture("people", "bands", caption, HALF, 1.2 + 0.35 * len(bands), (1.4, 0.4, 0.25, 0.35), draw)


def _follow(bands: Sequence[BandCount]) -> list[tuple[BandCount, float | None]]:
    return list(zip(bands, [*(band.begins for band in bands[1:]), None], strict=True))
