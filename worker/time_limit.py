"""The soft time limit of a task, put off where an interruption would break the process.

Celery's pool sends a signal whose handler raises `SoftTimeLimitExceeded` wherever the main thread is just
then. In the middle of an import Python keeps the modules that are made in part, and each later film fails, as
with "module 'keras.src.ops' has no attribute 'zeros'".
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SIG_SOFT_TIMEOUT: Final = signal.SIGUSR1
"""As in `billiard.pool`, which this room does not import: it pickles."""


@contextmanager
def put_off_time_limit() -> Iterator[None]:
    """Let a soft time limit that is reached inside the block take effect at its end.

    The hard time limit ends the process as ever, and a new one takes its place.
    """
    if threading.current_thread() is not threading.main_thread():  # it is the main thread that is interrupted
        yield
        return
    reached: list[int] = []
    before = signal.signal(SIG_SOFT_TIMEOUT, lambda number, _: reached.append(number))
    try:
        yield
    finally:
        signal.signal(SIG_SOFT_TIMEOUT, before)
    if reached and callable(before):
        before(reached[0], None)
