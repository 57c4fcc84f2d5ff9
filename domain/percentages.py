"""Probabilities as text."""

from __future__ import annotations


def format_percent(probability: float | None) -> str:
    """Return a probability, 0..1, as "62.3 %", or a dash for None; it is never rounded to 0 or 100 %."""
    if probability is None:
        return "—"
    if 0.0 < probability < 0.001:
        return "< 0.1 %"
    if 0.999 < probability < 1.0:
        return "> 99.9 %"
    return f"{probability * 100:.1f} %"
