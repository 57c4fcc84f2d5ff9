"""The upper layer of an association (PS3.8): the thread that reads its PDUs.

Faults of pynetdicom 3.0:

- It reads and decodes a PDU in pieces of 4096 bytes, copies it several times and pauses between two PDUs
  (https://github.com/pydicom/pynetdicom/issues/59, .../620). A subclass reads faster in `read_incoming`.
- Its thread is not a daemon, so that a process that ends waits for a silent peer. Not reported upstream;
  open an association, and end the process of either side without a release.
- When a connection closes before its association request, the association's thread waits for the whole ACSE
  timeout. Not reported upstream; connect to a port, close the connection, and list the threads.
- It reads on before it acts on an invalid PDU. If a part of a PDU follows, it waits for the rest for the
  whole network timeout, and aborts then. After an abort it answers each further PDU with another abort. Not
  reported upstream; send an invalid association request with three bytes behind it.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider

from dicom_gateway.association.pynetdicom_repairs.wake_up import Doorbell, RingingQueue

IDLE: Final = "Sta1"
"""No connection (PS3.8 Table 9-1)."""

ENDED: Final = "Sta13"
"""Association no longer exists; the connection is to be closed (PS3.8 Table 9-5)."""

MOST_DISCARDED_BYTES: Final = 1024 * 1024
"""Most bytes that are read of a connection that is to be closed. With unread bytes, closing it would reset
it, and the peer might not get the abort."""


class UpperLayer(DULServiceProvider):
    """An upper layer of which a subclass may replace the reading of PDUs."""

    def __init__(self, assoc: Association) -> None:
        super().__init__(assoc)
        self.daemon = True
        self._discarded = 0
        self.news = threading.Event()
        """Set when there is something for the association's thread."""
        self._bell = Doorbell()
        self.to_provider_queue = RingingQueue(self._bell.ring)
        self.to_user_queue = RingingQueue(self.news.set)
        assoc.dimse.msg_queue = RingingQueue(self.news.set)

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
        self._bell.open()
        try:
            super().run_reactor()
        finally:
            self._bell.close()
        waiting: Any = self.to_user_queue
        waiting.put(None)  # None means that nothing was received, as after a timeout

    def kill_dul(self) -> None:
        """End the thread soon."""
        super().kill_dul()
        self._bell.ring()

    def stop_dul(self) -> bool:
        """End the thread if its connection has ended; return True when it has."""
        if self.state_machine.current_state == IDLE:
            self.kill_dul()
        return super().stop_dul()

    def _is_transport_event(self) -> bool:
        self._await_work()
        return super()._is_transport_event()

    def _await_work(self) -> None:
        """Wait while there is nothing to read, to send or to handle."""
        sock: Any = self.socket
        if sock is None or sock.socket is None or self.state_machine.current_state == ENDED:
            return
        if self.has_other_work or sock.ready or not self.event_queue.empty():
            return
        self._bell.wait(sock.socket)

    def _read_pdu_data(self) -> None:
        if not self.event_queue.empty():
            return  # an event may end the association: nothing is read before it is handled
        if self.state_machine.current_state == ENDED:
            self._discard()
        else:
            self.read_incoming()

    def _process_recv_primitive(self) -> bool:
        if self.state_machine.current_state == ENDED:
            self.to_provider_queue.queue.clear()  # nothing may be sent any more
        return super()._process_recv_primitive()

    def _discard(self) -> None:
        """Read and forget what has come since the association ended."""
        sock: Any = self.socket
        while sock.ready:
            received = sock.discard()
            self._discarded += received
            if not received or self._discarded > MOST_DISCARDED_BYTES:
                sock.close()
                return
