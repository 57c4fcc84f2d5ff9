"""Prometheus metrics of a worker."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Histogram

SCREENINGS: Final = Counter(
    "tbscreen_screenings", "Films that were screened.", ["bundle", "finding", "priority"]
)
STRUCK_OUT: Final = Counter(
    "tbscreen_films_struck_out", "Films refused as processing_failed after their third attempt here."
)
HANDED_BACK: Final = Counter("tbscreen_films_handed_back", "Films given back to their gateway unscored.")
PREDICTION_SECONDS: Final = Histogram(
    "tbscreen_prediction_seconds",
    "From array to score.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
BATCH_FILMS: Final = Histogram("tbscreen_batch_films", "Films scored at once.", buckets=(1, 2, 4, 8, 16, 32))
SCORES: Final = Histogram(
    "tbscreen_probability",
    "Calibrated probability of tuberculosis, 0..1.",
    ["bundle"],
    buckets=tuple(round(step / 20, 2) for step in range(1, 21)),
)
TURNAROUND_SECONDS: Final = Histogram(
    "tbscreen_turnaround_seconds",
    "From a film's reception to its result.",
    buckets=(0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400),
)
