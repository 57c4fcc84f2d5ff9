"""The statistics of an array that the database keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ArrayStatistics:
    """Statistics of an array's grey values, by which drift is monitored. All are 0..1."""

    mean: float
    deviation: float
    dark: float
    """Share of the array below 0.02."""
