"""Text for figures, operating points and labels in reports and plots."""

from __future__ import annotations

from typing import Final

from judging.statistics import Estimate
from judging.wording import NOTHING
from training.films.labelled_film import Label

LABEL_NAMES: Final = {Label.TB: "TB", Label.NORMAL: "normal", Label.OTHER: "ill, not TB"}

POINT_NAMES: Final = {
    "screening": "screening",
    "rule_in": "rule-in",
    "sensitivity_95": "95 % sensitivity",
    "specificity_95": "95 % specificity",
    "youden": "Youden",
}

METHOD_NAMES: Final = {"platt": "Platt", "isotonic": "isotonic", "identity": "none"}


def name_point(name: str) -> str:
    """Return the display name of an operating point."""
    return POINT_NAMES.get(name, name)


def name_set(name: str) -> str:
    """Return the display name of a row: the text for a label, and any other name unchanged."""
    return LABEL_NAMES[Label(name)] if name in set(Label) else name


def write_difference(figure: Estimate) -> str:
    """Return "+0.014 (+0.004 to +0.025)"."""
    numbers = (figure.value, figure.low, figure.high)
    value, low, high = (f"{number:+.3f}".replace("-", "−") for number in numbers)
    return f"{value} ({low} to {high})"


def write_share(figure: Estimate | None) -> str:
    """Return "91.2 % (85–95)"; a dash for None."""
    if figure is None:
        return NOTHING
    return f"{figure.value * 100:.1f} % ({figure.low * 100:.0f}–{figure.high * 100:.0f})"
