"""A dataset's way from the socket to its file, without pynetdicom's copies in between.

pynetdicom reads a PDU in pieces of 4096 bytes, copies it several times, makes an object of each value in it
and pauses between two PDUs: right for messages, slow for films. While the fragments of a C-STORE dataset come
in (PS3.8 9.3.5 and Annex E), this module gathers them in blocks and writes those; while the next one comes,
another thread hashes one and the disk begins with it. After the last one the file is synced. pynetdicom is
told that the dataset is complete by an empty last fragment. Messages go their own way through pynetdicom,
which holds them in memory: so they have limits. What is no message (PS3.8 Annex E) ends the association.
"""

from __future__ import annotations

import hashlib
import os
import struct
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from pynetdicom.association import Association

from dicom_gateway.association.association_identity import name_sender
from dicom_gateway.association.preamble import write_sender
from dicom_gateway.association.pynetdicom_repairs.dataset_file import DatasetFile, find_dataset_file
from dicom_gateway.association.pynetdicom_repairs.film_socket import (
    BLOCK_BYTES,
    CLOSED,
    ClosedError,
    FilmSocket,
)
from dicom_gateway.association.pynetdicom_repairs.upper_layer import UpperLayer
from dicom_gateway.association.writeback import begin_writeback_of_last
from dicom_gateway.dataset_limits import DatasetLimits
from domain.errors import PermanentError

P_DATA_TF: Final = 0x04
PDU_HEADER: Final = struct.Struct(">BBL")
"""Type, reserved, length of what follows (PS3.8 Table 9-22)."""
PDV_HEADER: Final = struct.Struct(">LBB")
"""Length of what follows, presentation context ID, message control header (PS3.8 9.3.5.1, E.2)."""
COMMAND: Final = 0x01
LAST: Final = 0x02

TRANSFER: Final = "Sta6"
"""Association established and ready for data transfer (PS3.8 Table 9-4)."""
INVALID: Final = "Evt19"
"""Unrecognized or invalid PDU: the association is aborted (PS3.8 Table 9-10, action AA-8)."""

LARGEST_MESSAGE_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of a command set, or of a dataset of other requests than C-STORE: a query, a commitment."""
MOST_REQUESTS: Final = 20
"""Most requests that may wait on an association. A second may not be sent before the first is answered
(asynchronous operations are not negotiated, PS3.7 D.3.3.3), but some do when they cancel."""

_hashing: Final = ThreadPoolExecutor(max(2, os.cpu_count() or 1), thread_name_prefix="hash")
_syncing: Final = ThreadPoolExecutor(16, thread_name_prefix="sync")
"""Threads that wait for the disk; hashing has its own."""


class InvalidPduError(PermanentError):
    """The bytes are no message (PS3.8 Annex E). Permanent."""


@dataclass
class IncomingDataset:
    """A dataset that is on its way to its file."""

    path: str
    byte_count: int = 0
    """Bytes that were hashed: the dataset's size, unless some of it went pynetdicom's way."""
    written: int = 0
    """Bytes that came so far."""
    sha256: Any = field(default_factory=hashlib.sha256)
    error: OSError | None = None
    """The error that stopped writing. The rest is read and dropped, so that the sender gets an answer."""
    _last_hash: Future[None] | None = None
    _sync: Future[None] | None = None

    def sign(self, file: Any, sender: str) -> None:
        """Write the sender into the file."""
        try:
            file.flush()  # the preamble, which pynetdicom has written
            write_sender(file.fileno(), sender)
        except OSError as error:
            self.error = error
            self._let_go(file)

    def write(self, file: Any, block: memoryview) -> None:
        """Append a block to the file."""
        if self.error is not None:
            return
        try:
            file.flush()  # the file meta information, which pynetdicom has written
            written = len(block)
            while block:
                block = block[os.write(file.fileno(), block) :]
            begin_writeback_of_last(file.fileno(), written)
        except OSError as error:
            self.error = error
            self._let_go(file)

    def limit(self, file: Any, further: int, limits: DatasetLimits) -> None:
        """Take no more when it becomes too large, or the disk too full."""
        before, self.written = self.written, self.written + further
        if self.error is not None:
            return
        try:
            limits.check(file.fileno(), before, self.written)
        except OSError as error:
            self.error = error
            self._let_go(file)

    @staticmethod
    def _let_go(file: Any) -> None:
        """Give back the space, and let pynetdicom flush into nowhere what it still holds.

        Its next flush would fail as well, and end the association without an answer.
        """
        os.ftruncate(file.fileno(), 0)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file.fileno())
        os.close(nowhere)

    def begin_hash(self, block: memoryview) -> Future[None]:
        """Begin to append a block to the hash; the one before has to be done, this one stays until it is."""
        self._last_hash = _hashing.submit(self._hash, block)
        return self._last_hash

    def _hash(self, block: memoryview) -> None:
        self.sha256.update(block)
        self.byte_count += len(block)

    def begin_sync(self, file: Any) -> None:
        """Begin to bring to the disk what is written."""
        if self.error is not None:
            return
        # A descriptor of its own: pynetdicom closes the file meanwhile.
        descriptor = os.dup(file.fileno())
        self._sync = _syncing.submit(_sync_and_close, descriptor)

    def finish(self) -> None:
        """Wait until it is hashed and on the disk.

        Raises:
            OSError: when that fails.
        """
        if self._last_hash is not None:
            self._last_hash.result()
        if self._sync is not None:
            self._sync.result()


def _sync_and_close(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FilmStream(UpperLayer):
    """The upper layer (PS3.8) of an association that brings films."""

    def __init__(self, assoc: Association, limits: DatasetLimits | None = None) -> None:
        super().__init__(assoc)
        self._limits = limits
        self._blocks = (memoryview(b""), memoryview(b""))  # made when a film comes: most probes bring none
        self._filled = 0
        self._hashing: Future[None] | None = None
        self._incoming: dict[str, IncomingDataset] = {}

    def take_incoming(self, path: str) -> IncomingDataset:
        """Return what is known of the dataset in the file `path`, and forget it."""
        return self._incoming.pop(path, IncomingDataset(path))

    def idle_timer_expired(self) -> bool:
        """True when nothing came for too long, or the association has been open for too long."""
        sock: Any = self.socket
        return super().idle_timer_expired() or (sock is not None and sock.is_overdue)

    def read_incoming(self) -> None:
        """Read what has come: fragments of a dataset for as long as they come, else one PDU."""
        sock: Any = self.socket
        try:
            while self._awaits_fragments() and self._read_fragments(sock):
                self.note_activity()
                if self.has_other_work or not sock.ready:
                    return
        except (OSError, ClosedError):
            self.event_queue.put(CLOSED)
            return
        except InvalidPduError:
            self.event_queue.put(INVALID)
            return
        if self._asks_too_much():
            self.event_queue.put(INVALID)
            return
        super().read_incoming()

    def _asks_too_much(self) -> bool:
        """True for a message without end, or for more requests than a peer may send at once."""
        dimse = self.assoc.dimse
        message: Any = dimse.message
        held = 0 if message is None else message.encoded_command_set.tell() + message.data_set.tell()
        waiting = dimse.msg_queue.qsize() if self.assoc.is_acceptor else 0
        return held > LARGEST_MESSAGE_BYTES or waiting > MOST_REQUESTS

    def _awaits_fragments(self) -> bool:
        return self.state_machine.current_state == TRANSFER and find_dataset_file(self.assoc) is not None

    def _read_fragments(self, sock: FilmSocket) -> bool:
        """Take the fragments of one PDU of the dataset that is on its way.

        Returns:
            False when there is something for pynetdicom to read.

        Raises:
            ClosedError, OSError: when the connection ends or breaks.
            InvalidPduError: for a fragment that does not belong to the dataset.
        """
        kind, reserved, remaining = sock.read_header(PDU_HEADER)
        if kind != P_DATA_TF:
            sock.give_back(PDU_HEADER.pack(kind, reserved, remaining))
            return False
        while remaining:
            if remaining < PDV_HEADER.size:
                raise InvalidPduError
            length, context, control = sock.read_header(PDV_HEADER)
            # A fragment of a command has no place here. pynetdicom would take it, and with it the rest of the
            # PDU: past every limit.
            if control & COMMAND or not 2 <= length <= remaining - 4:
                raise InvalidPduError
            self._read_fragment(sock, length - 2)
            remaining -= 4 + length
            if control & LAST:
                self._flush().begin_sync(self._dataset_file().file)
                rest = PDU_HEADER.pack(kind, reserved, remaining) if remaining else b""
                value = PDV_HEADER.pack(2, context, LAST)
                sock.give_back(PDU_HEADER.pack(P_DATA_TF, 0, len(value)) + value + rest)
                return False
        return True

    def _read_fragment(self, sock: FilmSocket, length: int) -> None:
        """Gather one fragment; a full block goes to the file."""
        if not self._blocks[0]:
            self._blocks = (memoryview(bytearray(BLOCK_BYTES)), memoryview(bytearray(BLOCK_BYTES)))
        while length:
            piece = self._blocks[0][self._filled : self._filled + length]
            if sock.fill(piece) < len(piece):
                raise ClosedError
            self._filled += len(piece)
            length -= len(piece)
            if self._filled == BLOCK_BYTES:
                self._flush()

    def _dataset_file(self) -> DatasetFile:
        found = find_dataset_file(self.assoc)
        assert found is not None, "fragments are read only while their dataset has a file"
        return found

    def _flush(self) -> IncomingDataset:
        """Write what is gathered, let it be hashed, and gather on in the other block."""
        file, path = self._dataset_file()
        incoming = self._incoming.get(path)
        if incoming is None:
            incoming = self._incoming[path] = IncomingDataset(path)
            incoming.sign(file, name_sender(self.assoc))
        block = self._blocks[0][: self._filled]
        if self._limits is not None:
            incoming.limit(file, len(block), self._limits)
        incoming.write(file, block)
        self._finish_hashing()  # of the other block
        self._hashing = incoming.begin_hash(block)
        self._blocks = (self._blocks[1], self._blocks[0])
        self._filled = 0
        return incoming

    def _finish_hashing(self) -> None:
        if self._hashing is not None:
            self._hashing.result()
            self._hashing = None
