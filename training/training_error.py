"""The root of this room's errors."""

from __future__ import annotations


class TrainingError(Exception):
    """Something that the person who trains can mend: films, labels, settings, disk. The message says how."""
