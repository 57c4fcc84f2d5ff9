"""A checkpoint that leaves the answer to the thread that sent the request, also on a busy machine.

The reactor, an association's thread, handles each received message. A thread that sends a request first halts
the reactor at a checkpoint, so that it receives the answer itself
(https://github.com/pydicom/pynetdicom/pull/351).

Fault of pynetdicom 3.0 (compare .../issues/435): the reactor may have passed the checkpoint without having
set its flag. It then handles the answer as an unexpected message and drops it, and the sender waits for its
whole timeout. While two other threads compute, this happens within seconds.
"""

from __future__ import annotations

import threading
from typing import Any

from pynetdicom.association import Association


class ReactorCheckpoint(threading.Event):
    """A checkpoint that sets the reactor's flag at the moment of passing.

    Args:
        association: the reactor's association, with the default `network_timeout_response`, an abort.
    """

    def __init__(self, association: Association) -> None:
        super().__init__()
        self._association: Any = association
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Halt until the checkpoint is open, then mark the reactor as running."""
        condition: threading.Condition = self._cond  # type: ignore[attr-defined]
        with condition:
            passed = condition.wait_for(self.is_set, timeout)
            # Under the lock that `clear` takes: after `clear`, the reactor either halts here, or has yet to
            # reach the checkpoint and is not marked as halted.
            if passed and not self._association._kill:
                self._association._is_paused = False
            return bool(passed)

    @classmethod
    def install(cls, association: Association) -> None:
        """Install the checkpoint in an association before the first message is sent."""
        association._reactor_checkpoint = cls(association)
