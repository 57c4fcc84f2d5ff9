"""How wide a line of text is, and where it breaks."""

from __future__ import annotations

from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path


@lru_cache(maxsize=20000)
def measure(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of a line in inches; size in points."""
    font = FontProperties(size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / 72.0


def wrap(text: str, size: float, width: float, weight: str = "normal") -> list[str]:
    """Break text into lines of at most `width` inches; a word that is longer is cut. At least one line."""
    lines: list[str] = []
    line = ""
    for word in _cut_words(text, size, width, weight):
        longer = f"{line} {word}" if line else word
        if line and measure(longer, size, weight) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def _cut_words(text: str, size: float, width: float, weight: str) -> list[str]:
    words = []
    for word in text.split():
        rest = word
        while len(rest) > 1 and measure(rest, size, weight) > width:
            fits = next(
                n for n in range(len(rest) - 1, 0, -1) if n == 1 or measure(rest[:n], size, weight) <= width
            )
            words.append(rest[:fits])
            rest = rest[fits:]
        words.append(rest)
    return words
