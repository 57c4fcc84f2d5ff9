"""The socket of an association, plain or TLS: reads large pieces, and ends in time.

Faults of pynetdicom 3.0:

- It reads 4096 bytes at a time (https://github.com/pydicom/pynetdicom/issues/59, .../620).
- It waits for ever for the rest of a PDU (.../272, .../653).
- It takes a TLS record without content, as a session ticket of TLS 1.3, for something to be read, and blocks
  while there is something to send (.../364).
- It asks `select`, which fails for a descriptor above 1023. Not reported upstream; open 1,100 files first.
- It leaves the socket open when the peer has broken the connection (.../979, mended in part).
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
"""Of those that are held in memory: `gateway.maximum_pdu_bytes` at its most. Fragments of a C-STORE dataset
are not, and may come in larger ones."""

TLS_RECORD_BYTES: Final = 16384
"""Most content of one TLS record (RFC 8446 5.1)."""


class ClosedError(TransientError):
    """The connection ended in the middle of a PDU. The sender knows that its film was not taken."""


class FilmSocket(AssociationSocket):
    """A socket that is read in large pieces, and not for ever.

    Args:
        assoc: its `network_timeout` is the longest pause in the middle of a PDU.
        client_socket: of a connection that came in.
        address: ours, for a connection that is to go out.
    """

    def __init__(
        self, assoc: Association, client_socket: Any = None, address: AddressInformation | None = None
    ) -> None:
        super().__init__(assoc, client_socket=client_socket, address=address)
        # Without it, a sender that stops in the middle of a PDU would hold its thread for good.
        if client_socket is not None:
            client_socket.settimeout(assoc.network_timeout)
        if self.socket is not None:
            # A message is a PDU of its command and one of its dataset. With Nagle's algorithm the second
            # waits until the other side acknowledges the first, which it puts off for 40 ms.
            with contextlib.suppress(OSError):  # the caller has gone already
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._returned = b""
        self.is_ended = False
        """True when the other side has closed or broken the connection."""
        self.deadline: float | None = None
        """End of reading, by `time.monotonic`: a sender of a byte a minute would otherwise go on for ever."""
        self.trouble: OSError | None = None
        """The error that broke the connection, as far as reading showed it."""

    @property
    def is_overdue(self) -> bool:
        """True when its deadline has passed."""
        return self.deadline is not None and time.monotonic() > self.deadline

    @property
    def ready(self) -> bool:
        """True when there is something to be read, or to be found out about the connection."""
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
        """Tell the association's thread how its request for a connection ended."""
        self._is_connected = is_connected
        request.result = CONNECTED if is_connected else CLOSED
        self.provider_queue.put(request)
        self._ready.set()

    def _read_ahead(self) -> bool:
        """Take what TLS has to give without waiting for more; True when there is something."""
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
        """Make `content` what is read next."""
        self._returned = content + self._returned

    def recv(self, nr_bytes: int) -> bytearray:
        """Return `nr_bytes` bytes, fewer only if the connection ended.

        Raises:
            OSError: when it broke, nothing came in time (`TimeoutError`), or it is more than a PDU has.
        """
        if nr_bytes > LARGEST_PDU_BYTES:
            self.trouble = OSError(errno.EMSGSIZE, "a PDU larger than any that may be sent here")
            raise self.trouble
        content = bytearray()
        # A hostile length takes no more memory than what is really sent.
        while len(content) < nr_bytes:
            piece = bytearray(min(nr_bytes - len(content), BLOCK_BYTES))
            came = self.fill(memoryview(piece))
            content += memoryview(piece)[:came]
            if came < len(piece):
                break
        return content

    def fill(self, view: memoryview) -> int:
        """Read into `view` until it is full or the connection ends; returns how many bytes came."""
        assert self.socket is not None
        filled = min(len(self._returned), len(view))
        if filled:
            view[:filled] = self._returned[:filled]
            self._returned = self._returned[filled:]
        while filled < len(view) and not self.is_ended:
            if self.is_overdue:
                raise TimeoutError("the association has been open for too long")
            try:
                came = self.socket.recv_into(view[filled:])
            except OSError as error:
                self.trouble = error
                raise
            self.is_ended = came == 0
            filled += came
        return filled

    def read_header(self, layout: struct.Struct) -> tuple[int, ...]:
        """Read and unpack a header.

        Raises:
            ClosedError: when the connection ends before that.
        """
        content = bytearray(layout.size)
        if self.fill(memoryview(content)) < len(content):
            raise ClosedError
        return layout.unpack(content)
