"""Text for figures and names in reports."""

from __future__ import annotations

from typing import Final

from judging.statistics import Estimate
from judging.wording import NOTHING

REFUSALS: Final = {
    "not_chest": "not a chest film",
    "not_frontal": "not a frontal view",
    "under_age": "under age",
    "unsupported_sop_class": "kind of object not supported",
    "unsupported_transfer_syntax": "compression not supported",
    "undecodable": "pixels cannot be decoded",
    "multi_frame": "several frames",
    "not_an_xray": "not an X-ray",
    "excluded_by_rule": "excluded by the site's rules",
    "processing_failed": "processing failed",
}

STAGES: Final = {
    "receive": "receive",
    "prepare": "prepare",
    "queue": "wait for a worker",
    "predict": "predict",
    "report": "build the report",
    "deliver": "deliver",
    "until screened": "from sender to result",
    "until delivered": "from sender to report delivered",
    "until read": "from sender to read",
}

DRIFT_FIGURES: Final = {
    "score": "score",
    "mean": "mean grey",
    "contrast": "contrast",
    "black": "share of black",
    "age": "age",
}


def write_count(number: int) -> str:
    """Return "12,345"."""
    return f"{number:,}"


def write_part(number: int, of: int) -> str:
    """Return "12.3 %", or a dash where `of` is 0."""
    return f"{number / of:.1%}".replace("%", " %") if of else NOTHING


def write_estimate(estimate: Estimate | None) -> str:
    """Return a share with its 95 % interval, such as "91.2 % (85.3–95.0)", or a dash for None."""
    if estimate is None:
        return NOTHING
    return f"{estimate.value * 100:.1f} % ({estimate.low * 100:.1f}–{estimate.high * 100:.1f})"


def write_duration(milliseconds: float | None) -> str:
    """Return "0.42 s", "12.3 s", "3 min 20 s", "2 h 05 min" or "4 d 3 h", or a dash for None."""
    if milliseconds is None:
        return NOTHING
    seconds = milliseconds / 1000
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if seconds < 3599.5:
        return f"{round(seconds) // 60} min {round(seconds) % 60:02} s"
    if minutes < 1440:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def write_index(index: float | None) -> str:
    """Return a population stability index such as "0.31", or a dash for None."""
    return NOTHING if index is None else f"{index:.2f}"


def count_things(number: int, singular: str, plural: str | None = None) -> str:
    """Return "1 film" or "2 films"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
