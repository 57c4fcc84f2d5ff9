"""The root of this room's errors."""

from __future__ import annotations

from domain.errors import TbscreenError


class TrainingError(TbscreenError):
    """Something that the person who trains can mend: films, labels, settings, disk. The message says how."""
