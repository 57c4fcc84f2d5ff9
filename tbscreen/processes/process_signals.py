"""Signals that end a process: SIGTERM, SIGINT (Ctrl-C) and SIGHUP (a closed terminal)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable


def end_on_signal() -> threading.Event:
    """Return an event that SIGTERM, SIGINT and SIGHUP (a closed terminal) set."""
    ending = threading.Event()

    def end(_number: int, _frame: object) -> None:
        ending.set()

    _handle_ends(end)
    return ending


def exit_on_signal() -> None:
    """Let SIGTERM, SIGINT and SIGHUP raise SystemExit, so that every block is left in order."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    _handle_ends(leave)


def _handle_ends(handler: Callable[[int, object], None]) -> None:
    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGINT, handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        signal.signal(signal.SIGHUP, handler)
