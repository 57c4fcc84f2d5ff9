"""The upper layer of an association (PS3.8): the thread that reads its PDUs.

Faults of pynetdicom 3.0:

- It reads and decodes a PDU in pieces of 4096 bytes, copies it several times and pauses between two PDUs
  (https://github.com/pydicom/pynetdicom/issues/59, .../620). A subclass reads faster in `read_incoming`.
- Its thread is not a daemon, so that a process that ends waits for a silent peer. Not reported upstream;
  open an association, and end the process of either side without a release.
- When a connection closes before its association request, the association's thread waits for the whole ACSE
  timeout. Not reported upstream; connect to a port, close the connection, and list the threads.
"""

from __future__ import annotations

from typing import Any

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider


class UpperLayer(DULServiceProvider):
    """An upper layer of which a subclass may replace the reading of PDUs."""

    def __init__(self, assoc: Association) -> None:
        super().__init__(assoc)
        self.daemon = True

    @property
    def has_other_work(self) -> bool:
        """True when the thread must end, or messages wait to be sent."""
        return bool(self._kill_thread) or not self.to_provider_queue.empty()

    def read_incoming(self) -> None:
        """Read one PDU by pynetdicom's method."""
        super()._read_pdu_data()

    def note_activity(self) -> None:
        """Restart the timer that ends an idle association."""
        self._idle_timer.restart()

    def run_reactor(self) -> None:
        """Run until the connection ends, then wake the thread that waits for the association request."""
        super().run_reactor()
        waiting: Any = self.to_user_queue
        waiting.put(None)  # None means that nothing was received, as after a timeout

    def _read_pdu_data(self) -> None:
        self.read_incoming()
