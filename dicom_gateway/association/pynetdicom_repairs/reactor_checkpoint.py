"""A checkpoint that leaves the answer to the thread that sent the request, also on a busy machine.

The reactor, an association's thread, handles each received message. A thread that sends a request first halts
the reactor at a checkpoint, so that it receives the answer itself
(https://github.com/pydicom/pynetdicom/pull/351).

Fault of pynetdicom 3.0 (compare .../issues/435): the reactor may have passed the checkpoint without having
set its flag. It then handles the answer as an unexpected message and drops it, and the sender waits for its
whole timeout. While two other threads compute, this happens within seconds.

Fault of pynetdicom 3.0: it marks the reactor as halted while a handler runs. A release then overtakes the
answer of that handler; the answer ends the upper layer's thread (`InvalidEventError`), or the release waits
without limit. Not reported upstream; release an association as soon as a handler has run.

Fault of pynetdicom 3.0: it serves N-EVENT-REPORT in a thread of its own, which marks the reactor as running
when it has served, although the reactor may stand at the checkpoint. The next message or release then waits
for ever for the reactor to halt. Not reported upstream; release an association in the handler's last moment.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from pynetdicom.association import Association

from dicom_gateway.association.pynetdicom_repairs.upper_layer import UpperLayer
from dicom_gateway.association.pynetdicom_repairs.wake_up import LONGEST_WAIT_S

LOOK_EVERY_S: Final = 0.1
"""Pause between two checks of a reactor that may have ended."""


class ReactorCheckpoint(threading.Event):
    """A checkpoint that sets the reactor's flag at the moment of passing.

    Args:
        association: the reactor's association, with the default `network_timeout_response`, an abort.
    """

    def __init__(self, association: Association) -> None:
        super().__init__()
        self._association: Any = association
        self._is_reached = False
        self._served = 0
        """Requests that are being served, by the reactor or by a thread of their own."""
        self._serve_request = self._association._serve_request
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Halt until the checkpoint is open and something has come, then mark the reactor as running."""
        self._await_news()
        condition: threading.Condition = self._cond  # type: ignore[attr-defined]
        with condition:
            self._is_reached = True
            condition.notify_all()
            passed = condition.wait_for(self.is_set, timeout)
            self._is_reached = False
            # Under the lock that `clear` takes: after `clear`, the reactor either halts here, or has yet to
            # reach the checkpoint and is not marked as halted.
            if passed and not self._association._kill:
                self._association._is_paused = False
            return bool(passed)

    def serve(self, message: Any, context_id: int) -> None:
        """Serve a request of the peer."""
        condition: threading.Condition = self._cond  # type: ignore[attr-defined]
        with condition:
            self._served += 1
        try:
            self._serve_request(message, context_id)
        finally:
            with condition:
                self._served -= 1
                if self._is_reached:
                    self._association._is_paused = True
                condition.notify_all()

    def halt(self, timeout_s: float) -> bool:
        """Close the checkpoint; return True when the reactor stands there and all answers are sent."""
        condition: threading.Condition = self._cond  # type: ignore[attr-defined]
        deadline = time.monotonic() + timeout_s
        self.clear()
        with condition:
            while not self._is_reached or self._served:
                if not self._association.is_alive() or time.monotonic() > deadline:
                    return False
                condition.wait(LOOK_EVERY_S)
        return True

    def _await_news(self) -> None:
        layer = self._association.dul
        if not isinstance(layer, UpperLayer) or not self.is_set():
            return
        if layer.to_user_queue.empty() and self._association.dimse.msg_queue.empty() and layer.is_alive():
            layer.news.wait(LONGEST_WAIT_S)
        layer.news.clear()

    @classmethod
    def install(cls, association: Association) -> None:
        """Install the checkpoint in an association before the first message is sent."""
        checkpoint: Any = cls(association)
        association._reactor_checkpoint = checkpoint
        association._serve_request = checkpoint.serve  # type: ignore[method-assign]


def release(association: Association, timeout_s: float) -> None:
    """Release an association after the answers of its handlers; abort it if they do not come in time."""
    checkpoint: Any = association._reactor_checkpoint
    if checkpoint.halt(timeout_s):
        association.release()
    else:
        association.abort()
