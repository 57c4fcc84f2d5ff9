"""Streaming of a dataset from the socket to its file, without pynetdicom's copies.

pynetdicom reads a PDU in pieces of 4096 bytes, copies it several times, makes an object of each value in it
and pauses between two PDUs, which is slow for films. This module collects the fragments of a C-STORE dataset
(PS3.8 9.3.5 and Annex E) in blocks and writes the blocks. While the next block is received, another thread
hashes the last one and the disk begins to write it. After the last block the file is synced, and an empty
last fragment tells pynetdicom that the dataset is complete. pynetdicom still reads all other messages and
holds them in memory, so that they are limited. Bytes that are no message (PS3.8 Annex E) end the association.
"""

from __future__ import annotations

import struct
from concurrent.futures import Future
from typing import Any, Final

from pynetdicom.association import Association

from dicom_gateway.association.association_identity import name_sender
from dicom_gateway.association.pynetdicom_repairs.dataset_file import DatasetFile, find_dataset_file
from dicom_gateway.association.pynetdicom_repairs.film_socket import (
    BLOCK_BYTES,
    CLOSED,
    ClosedError,
    FilmSocket,
)
from dicom_gateway.association.pynetdicom_repairs.upper_layer import UpperLayer
from dicom_gateway.dataset_limits import DatasetLimits
from dicom_gateway.incoming_dataset import IncomingDataset
from domain.errors import PermanentError

P_DATA_TF: Final = 0x04
PDU_HEADER: Final = struct.Struct(">BBL")
"""Type, reserved, length of the rest (PS3.8 Table 9-22)."""
PDV_HEADER: Final = struct.Struct(">LBB")
"""Length of the rest, presentation context ID, message control header (PS3.8 9.3.5.1, E.2)."""
COMMAND: Final = 0x01
LAST: Final = 0x02

TRANSFER: Final = "Sta6"
"""Association established and ready for data transfer (PS3.8 Table 9-4)."""
INVALID: Final = "Evt19"
"""Unrecognized or invalid PDU: the association is aborted (PS3.8 Table 9-10, action AA-8)."""

LARGEST_MESSAGE_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of a command set, or of the dataset of a request other than C-STORE."""
MOST_REQUESTS: Final = 20
"""Most requests that may wait on an association. Asynchronous operations are not negotiated (PS3.7 D.3.3.3),
but some peers send a further request when they cancel."""


class InvalidPduError(PermanentError):
    """The bytes are not a valid message (PS3.8 Annex E). Permanent."""


class FilmStream(UpperLayer):
    """The upper layer (PS3.8) of an association on which films are received."""

    def __init__(self, assoc: Association, limits: DatasetLimits | None = None) -> None:
        super().__init__(assoc)
        self._limits = limits
        self._blocks = (
            memoryview(b""),
            memoryview(b""),
        )  # allocated with the first film; most probes send none
        self._filled = 0
        self._hashing: Future[None] | None = None
        self._incoming: dict[str, IncomingDataset] = {}

    def take_incoming(self, path: str) -> IncomingDataset:
        """Remove and return the record of the dataset in the file `path`."""
        return self._incoming.pop(path, IncomingDataset(path))

    def idle_timer_expired(self) -> bool:
        """True when the association has been idle, or open, for too long."""
        sock: Any = self.socket
        return super().idle_timer_expired() or (sock is not None and sock.is_overdue)

    def read_incoming(self) -> None:
        """Read the available fragments of a dataset, or else one PDU."""
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
        if self._exceeds_limits():
            self.event_queue.put(INVALID)
            return
        super().read_incoming()

    def _exceeds_limits(self) -> bool:
        """True for a message above its limit, or for too many waiting requests."""
        dimse = self.assoc.dimse
        message: Any = dimse.message
        held = 0 if message is None else message.encoded_command_set.tell() + message.data_set.tell()
        waiting = dimse.msg_queue.qsize() if self.assoc.is_acceptor else 0
        return held > LARGEST_MESSAGE_BYTES or waiting > MOST_REQUESTS

    def _awaits_fragments(self) -> bool:
        return self.state_machine.current_state == TRANSFER and find_dataset_file(self.assoc) is not None

    def _read_fragments(self, sock: FilmSocket) -> bool:
        """Read the fragments of one PDU of the current dataset.

        Returns:
            False when pynetdicom must read the next bytes.

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
            # A fragment of a command is invalid here. pynetdicom would accept it with the rest of the PDU,
            # past all limits.
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
        """Read one fragment into the block; write the block when it is full."""
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
        """Write the current block, begin to hash it, and continue with the other block."""
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
