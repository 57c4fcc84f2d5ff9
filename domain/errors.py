"""The roots of the errors that tbscreen raises on purpose."""

from __future__ import annotations


class TbscreenError(Exception):
    """Root of all errors of tbscreen; each is permanent or transient. The message says what to do."""


class PermanentError(TbscreenError):
    """Trying again does not help: the message says what to mend."""


class TransientError(TbscreenError):
    """Trying again later may succeed."""
