"""The socket of an association, plain or TLS, with large reads and timeouts.

Faults of pynetdicom 3.0:

- It reads 4096 bytes at a time (https://github.com/pydicom/pynetdicom/issues/59, .../620).
- It waits without limit for the rest of a PDU (.../272, .../653).
- It tries to read after a TLS record without content, such as a session ticket of TLS 1.3, and
  blocks although there are messages to send (.../364).
- It calls `select`, which fails for a descriptor above 1023. Not reported upstream; open 1,100 files first.
- It leaves the socket open when the peer has broken the connection (.../979, repaired in part).
- It leaves Nagle's algorithm on, so that a message of two PDUs waits for a delayed acknowledgement. Not
  reported upstream; time C-STORE of small objects.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import ssl
import struct
import time
from typing import Any, Final

from pynetdicom.association import Association
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket

from domain.errors import TransientError

CONNECTED: Final = "Evt2"
CLOSED: Final = "Evt17"
"""Transport connection confirmed, and closed (PS3.8 Table 9-10)."""

BLOCK_BYTES: Final = 1024 * 1024

LARGEST_PDU_BYTES: Final = 4 * 1024 * 1024 + 1024
"""Largest PDU that is held in memory: the maximum of `gateway.maximum_pdu_bytes`. PDUs with fragments of a
C-STORE dataset are not held in memory and may be larger."""

TLS_RECORD_BYTES: Final = 16384
"""Largest content of a TLS record (RFC 8446 5.1)."""


class ClosedError(TransientError):
    """The connection ended in the middle of a PDU. Transient: the sender got no success and sends again."""


class FilmSocket(AssociationSocket):
    """A socket with large reads and timeouts.

    Args:
        assoc: the association; its `network_timeout` is the longest pause in the middle of a PDU.
        client_socket: socket of an incoming connection.
        address: our address, for an outgoing connection.
    """

    def __init__(
        self, assoc: Association, client_socket: Any = None, address: AddressInformation | None = None
    ) -> None:
        super().__init__(assoc, client_socket=client_socket, address=address)
        # Without a timeout, a sender that stops in the middle of a PDU would block its thread forever.
        if client_socket is not None:
            client_socket.settimeout(assoc.network_timeout)
        if self.socket is not None:
            # A message has a PDU for its command and one for its dataset. With Nagle's algorithm the second
            # waits for the acknowledgement of the first, which is delayed by 40 ms.
            with contextlib.suppress(OSError):  # the caller has closed the connection
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._returned = b""
        self.is_ended = False
        """True when the other side has closed or broken the connection."""
        self.deadline: float | None = None
        """End of reading (`time.monotonic`), against senders of a byte a minute."""
        self.trouble: OSError | None = None
        """The error that broke the connection, if an operation raised it."""

    @property
    def is_overdue(self) -> bool:
        """True when the deadline has passed."""
        return self.deadline is not None and time.monotonic() > self.deadline

    @property
    def ready(self) -> bool:
        """True when there are bytes to read, or the connection has ended."""
        if self.socket is None or not self._is_connected:
            return False
        if self._returned or self.is_ended:
            return True
        encrypted = isinstance(self.socket, ssl.SSLSocket)
        if encrypted and self.socket.pending():  # type: ignore[attr-defined]
            return True
        try:
            poll = select.poll()
            poll.register(self.socket, select.POLLIN)
            if not poll.poll(0):
                return False
            return self._read_ahead() if encrypted else True
        except (OSError, ValueError):
            self.event_queue.put(CLOSED)
            return False

    def settle(self, request: T_CONNECT, is_connected: bool) -> None:
        """Pass the result of a connection request to the association's thread."""
        self._is_connected = is_connected
        request.result = CONNECTED if is_connected else CLOSED
        self.provider_queue.put(request)
        self._ready.set()

    def _read_ahead(self) -> bool:
        """Read available TLS content without blocking; return True for content or the end."""
        sock: Any = self.socket
        timeout = sock.gettimeout()
        sock.setblocking(False)
        try:
            self._returned = sock.recv(TLS_RECORD_BYTES)
            self.is_ended = not self._returned
            return True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            self.trouble = error
            self.is_ended = True
            return True
        finally:
            sock.settimeout(timeout)

    def close_socket(self) -> None:
        """Close a socket that was never connected."""
        self._shutdown_socket()
        self.socket = None

    def _shutdown_socket(self) -> None:
        """Close the socket, also where the peer has closed its side."""
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()

    def give_back(self, content: bytes) -> None:
        """Put `content` back, so that it is read next."""
        self._returned = content + self._returned

    def recv(self, nr_bytes: int) -> bytearray:
        """Return `nr_bytes` bytes, or fewer if the connection ended.

        Raises:
            OSError: when the connection broke, timed out (`TimeoutError`), or the PDU is too large.
        """
        if nr_bytes > LARGEST_PDU_BYTES:
            self.trouble = OSError(errno.EMSGSIZE, "a PDU larger than any that may be sent here")
            raise self.trouble
        content = bytearray()
        # A false length takes no more memory than the bytes that are sent.
        while len(content) < nr_bytes:
            piece = bytearray(min(nr_bytes - len(content), BLOCK_BYTES))
            received = self.fill(memoryview(piece))
            content += memoryview(piece)[:received]
            if received < len(piece):
                break
        return content

    def fill(self, view: memoryview) -> int:
        """Read into `view` until it is full or the connection ends; return the number of bytes read."""
        assert self.socket is not None
        filled = min(len(self._returned), len(view))
        if filled:
            view[:filled] = self._returned[:filled]
            self._returned = self._returned[filled:]
        while filled < len(view) and not self.is_ended:
            if self.is_overdue:
                raise TimeoutError("the association has been open for too long")
            try:
                received = self.socket.recv_into(view[filled:])
            except OSError as error:
                self.trouble = error
                raise
            self.is_ended = received == 0
            filled += received
        return filled

    def discard(self) -> int:
        """Read and forget what is `ready`; return the number of bytes, 0 when the connection has ended."""
        discarded, self._returned = len(self._returned), b""
        if discarded or self.is_ended or self.socket is None:
            return discarded
        try:
            return len(self.socket.recv(TLS_RECORD_BYTES))
        except OSError as error:
            self.trouble = error
            return 0

    def read_header(self, layout: struct.Struct) -> tuple[int, ...]:
        """Read and unpack a header.

        Raises:
            ClosedError: when the connection ends within the header.
        """
        content = bytearray(layout.size)
        if self.fill(memoryview(content)) < len(content):
            raise ClosedError
        return layout.unpack(content)
