"""Text for figures and names in reports."""

from __future__ import annotations

from typing import Final

from domain.languages.sentence import Sentence, say, say_value
from judging.statistics import Estimate
from judging.wording import NOTHING

REFUSALS: Final = {
    "not_chest": say("not a chest film"),
    "not_frontal": say("not a frontal view"),
    "under_age": say("under age"),
    "unsupported_sop_class": say("kind of object not supported"),
    "unsupported_transfer_syntax": say("compression not supported"),
    "undecodable": say("pixels cannot be decoded"),
    "multi_frame": say("several frames"),
    "not_an_xray": say("not an X-ray"),
    "excluded_by_rule": say("excluded by the site's rules"),
    "processing_failed": say("processing failed"),
}

STAGES: Final = {
    "receive": say("receive"),
    "prepare": say("prepare"),
    "queue": say("wait for a worker"),
    "predict": say("predict"),
    "report": say("build the report"),
    "deliver": say("deliver"),
    "until screened": say("from sender to result"),
    "until delivered": say("from sender to report delivered"),
    "until read": say("from sender to read"),
}

DRIFT_FIGURES: Final = {
    "score": say("score"),
    "mean": say("mean grey"),
    "contrast": say("contrast"),
    "black": say("share of black"),
    "age": say("age"),
}


GROUPS: Final = {
    str(name): name for name in (say("all films"), say("station not named"), say("not screened"))
}


def name_group(name: str) -> str:
    """Return the name of a group of films; that of a group without one is a sentence."""
    return GROUPS.get(name, name)


def name_grouping(by: str | None) -> Sentence | str:
    """Return the name of a report's grouping, such as "station"; empty without one."""
    return say_value(by) if by else ""


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


def write_duration(milliseconds: float | None) -> Sentence | str:
    """Return "0.42 s", "12.3 s", "3 min 20 s", "2 h 05 min" or "4 d 3 h", or a dash for None."""
    if milliseconds is None:
        return NOTHING
    seconds = milliseconds / 1000
    if seconds < 9.995:
        return say("{seconds:.2f} s", seconds=seconds)
    if seconds < 99.95:
        return say("{seconds:.1f} s", seconds=seconds)
    minutes = round(seconds / 60)
    if seconds < 3599.5:
        whole = round(seconds)
        return say("{minutes} min {seconds:02} s", minutes=whole // 60, seconds=whole % 60)
    if minutes < 1440:
        return say("{hours} h {minutes:02} min", hours=minutes // 60, minutes=minutes % 60)
    hours = round(seconds / 3600)
    return say("{days} d {hours} h", days=hours // 24, hours=hours % 24)


def write_unit(milliseconds: float) -> Sentence:
    """Return a round duration in its largest unit, such as "10 ms", "1 min" or "10 d"."""
    if milliseconds < 1000:
        return say("{milliseconds:g} ms", milliseconds=milliseconds)
    if milliseconds < 60_000:
        return say("{seconds:g} s", seconds=milliseconds / 1000)
    if milliseconds < 3_600_000:
        return say("{minutes:g} min", minutes=milliseconds / 60_000)
    if milliseconds < 86_400_000:
        return say("{hours:g} h", hours=milliseconds / 3_600_000)
    return say("{days:g} d", days=milliseconds / 86_400_000)


def write_index(index: float | None) -> str:
    """Return a population stability index such as "0.31", or a dash for None."""
    return NOTHING if index is None else f"{index:.2f}"


def count_things(number: int, singular: str, plural: str | None = None) -> str:
    """Return "1 film" or "2 films", for texts in English alone."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
