"""The root of the errors that tbscreen raises on purpose."""

from __future__ import annotations


class TbscreenError(Exception):
    """Root of all errors of tbscreen. The message says what is wrong and what to do."""
