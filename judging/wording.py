"""Estimates as text."""

from __future__ import annotations

from typing import Final

from judging.statistics import Estimate

NOTHING: Final = "—"
"""Stands for a figure that could not be computed."""


def write_figure(figure: Estimate | None) -> str:
    """Return "0.934 (0.901–0.957)"; a dash for None."""
    if figure is None:
        return NOTHING
    return f"{figure.value:.3f} ({figure.low:.3f}–{figure.high:.3f})"
