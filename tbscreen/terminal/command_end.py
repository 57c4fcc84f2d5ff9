"""The end of a command, which closes what the command opened."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

COMMAND_END: Final = ExitStack()
"""Closed by `tbscreen.cli.main`; takes callbacks of whatever opens something for a whole command."""
