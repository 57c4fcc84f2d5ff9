"""A checkpoint that leaves the answer to the thread that sent the request, also on a busy machine.

An association's thread, its reactor, takes each message that comes. A thread that sends a request has the
reactor halt at a checkpoint first, so that it gets the answer itself
(https://github.com/pydicom/pynetdicom/pull/351).

Fault of pynetdicom 3.0 (compare .../issues/435): the reactor may have passed the checkpoint and not yet have
said so. Then it takes the answer for an unexpected message and drops it, and the sender waits for its whole
timeout. While two other threads compute, this happens within seconds.
"""

from __future__ import annotations

import threading
from typing import Any

from pynetdicom.association import Association


class ReactorCheckpoint(threading.Event):
    """A checkpoint whose passing is seen at the moment at which it happens.

    Args:
        association: its reactor halts here. Its `network_timeout_response` has to be the default, an abort.
    """

    def __init__(self, association: Association) -> None:
        super().__init__()
        self._association: Any = association
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Halt until the checkpoint is open, then count as running at once."""
        condition: threading.Condition = self._cond  # type: ignore[attr-defined]
        with condition:
            passed = condition.wait_for(self.is_set, timeout)
            # Under the lock that `clear` takes: after `clear` the reactor either halts here, or is on its way
            # to the checkpoint and does not count as halted.
            if passed and not self._association._kill:
                self._association._is_paused = False
            return bool(passed)

    @classmethod
    def install(cls, association: Association) -> None:
        """Give an association this checkpoint, before something is sent on it."""
        association._reactor_checkpoint = cls(association)
