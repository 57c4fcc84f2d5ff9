"""Who sends on an association gets the answer, also on a busy machine.

A pynetdicom association has a thread, its reactor, that takes whatever message comes. Who sends has it halt
at a checkpoint first, so that the answer is left to the sender. In pynetdicom 3.0 the reactor may have
passed the checkpoint already and not have said so yet; it then takes the answer for a message that nobody
expected, drops it, and the sender waits for its whole timeout. It takes a moment at which the reactor's
thread is not run between two lines: with two threads that compute it takes seconds until it happens.
"""

from __future__ import annotations

import threading
from typing import Any

from pynetdicom.association import Association


class ReactorCheckpoint(threading.Event):
    """A checkpoint that is passed and told to be passed at once.

    Args:
        association: whose reactor halts here. Its `network_timeout_response` has to be what it is by itself,
            an abort.
    """

    def __init__(self, association: Association) -> None:
        super().__init__()
        self._association: Any = association
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Halt until the checkpoint is open; from then on the reactor does not count as halted."""
        condition: threading.Condition = self._cond  # type: ignore[attr-defined]
        with condition:
            passed = condition.wait_for(self.is_set, timeout)
            # Under the lock that `clear` takes: whoever clears sees either a reactor that halts, or one that
            # is on its way round and will.
            if passed and not self._association._kill:
                self._association._is_paused = False
            return bool(passed)

    @classmethod
    def install(cls, association: Association) -> None:
        """Give an association this checkpoint, before something is sent on it."""
        association._reactor_checkpoint = cls(association)
