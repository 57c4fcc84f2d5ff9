"""One instance of a Store request, written to its file as C-STORE would write it.

The part is a PS3.10 file. Its preamble and file meta information are read and replaced by those that the
gateway writes for C-STORE; the dataset behind them is written and hashed as it comes. So the same film has
the same file, digest and row by both doors.
"""

from __future__ import annotations

import io
import os
import struct
import tempfile
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID
from pynetdicom.dsutils import create_file_meta

from dicom_gateway.dataset_header import MAX_UID_CHARACTERS, NotUnderstoodError
from dicom_gateway.dataset_limits import DatasetLimits
from dicom_gateway.incoming_dataset import IncomingDataset
from domain.dicom_file import PREAMBLE_BYTES, PREFIX

GROUP_LENGTH: Final = struct.Struct("<HH2sHL")
"""File Meta Information Group Length (0002,0000): tag, VR, length, value (PS3.10 7.1)."""

META_AT: Final = PREAMBLE_BYTES + len(PREFIX)

LARGEST_META: Final = 64 * 1024
"""Most bytes of file meta information."""


@dataclass(frozen=True)
class FileMeta:
    """The statements of file meta information on the dataset behind it (PS3.10 Table 7.1-1)."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


class Part10Intake:
    """Writes one PS3.10 file while it arrives.

    Args:
        folder: for the file while it is received, on the spool's file system.
        sender: AE title of the sender, kept in the preamble.
        limits: limits of the dataset.
    """

    def __init__(self, folder: Path, sender: str, limits: DatasetLimits) -> None:
        self._folder = folder
        self._sender = sender
        self._limits = limits
        self._head = bytearray()
        self._file: IO[bytes] | None = None
        self._hashing: Future[None] | None = None
        self.meta: FileMeta | None = None
        """None until the file meta information has come."""
        self.incoming: IncomingDataset | None = None
        """The dataset in its file; None until the file meta information has come."""
        self.error: NotUnderstoodError | None = None
        """The reason why the part is no PS3.10 file; its bytes are then dropped."""

    def take(self, piece: memoryview) -> None:
        """Take the next bytes of the part; keep them unchanged until the next call."""
        if self.error is not None:
            return
        if self.incoming is not None:
            self._write(piece)
            return
        self._head += piece
        try:
            end = self._find_dataset()
            if end is None:
                return
            self.meta = _read_meta(bytes(self._head[META_AT:end]))
            self._open(self.meta)
        except NotUnderstoodError as error:
            self.error = error
            return
        rest = memoryview(bytes(self._head[end:]))
        self._head.clear()
        self._write(rest)

    def end(self) -> None:
        """End the part: begin to sync the file, and close it."""
        if self.error is None and self.incoming is None:
            self.error = NotUnderstoodError("the part ends before its dataset")
        self._finish_hashing()
        if self._file is not None and self.incoming is not None:
            self.incoming.begin_sync(self._file)
            self._close()

    def discard(self) -> None:
        """Delete the file, unless it has become that of a film."""
        self._finish_hashing()
        self._close()
        if self.incoming is not None and self.incoming.path:
            Path(self.incoming.path).unlink(missing_ok=True)

    def _find_dataset(self) -> int | None:
        """Return the offset of the dataset, or None while too few bytes have come."""
        if len(self._head) < META_AT + GROUP_LENGTH.size:
            return None
        if self._head[PREAMBLE_BYTES:META_AT] != PREFIX:
            raise NotUnderstoodError("the part is no PS3.10 file: it has no preamble with DICM")
        group, element, vr, size, length = GROUP_LENGTH.unpack_from(self._head, META_AT)
        if (group, element, vr, size) != (0x0002, 0x0000, b"UL", 4) or length > LARGEST_META:
            raise NotUnderstoodError("the file meta information has no valid group length")
        end: int = META_AT + GROUP_LENGTH.size + length
        return end if len(self._head) >= end else None

    def _open(self, meta: FileMeta) -> None:
        """Create the file, and write what C-STORE writes before the dataset."""
        own = _build_meta(meta)
        path = ""
        try:
            descriptor, path = tempfile.mkstemp(".dcm", dir=self._folder)
            self._file = os.fdopen(descriptor, "wb")
            self._file.write(bytes(PREAMBLE_BYTES) + PREFIX)
            write_file_meta_info(self._file, own)  # type: ignore[arg-type]
        except OSError as error:
            self.incoming = IncomingDataset(path, error=error)
            return
        self.incoming = IncomingDataset(path)
        self.incoming.sign(self._file, self._sender)

    def _write(self, piece: memoryview) -> None:
        if self._file is None or self.incoming is None or not piece:
            return
        self.incoming.limit(self._file, len(piece), self._limits)
        self.incoming.write(self._file, piece)
        self._finish_hashing()
        self._hashing = self.incoming.begin_hash(piece)

    def _finish_hashing(self) -> None:
        if self._hashing is not None:
            self._hashing.result()
            self._hashing = None

    def _close(self) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
        except OSError as error:  # buffered bytes that a full disk does not take
            if self.incoming is not None and self.incoming.error is None:
                self.incoming.error = error
        self._file = None


def _read_meta(encoded: bytes) -> FileMeta:
    """Read the file meta information (PS3.10 7.1: Explicit VR Little Endian)."""
    try:
        found = read_dataset(io.BytesIO(encoded), is_implicit_VR=False, is_little_endian=True)
        meta = FileMeta(
            _read_uid(found, "MediaStorageSOPClassUID"),
            _read_uid(found, "MediaStorageSOPInstanceUID"),
            _read_uid(found, "TransferSyntaxUID"),
        )
    except NotUnderstoodError:
        raise
    except Exception as error:  # noqa: BLE001  pydicom raises many types, whose texts may quote patient data
        raise NotUnderstoodError(
            f"the file meta information cannot be parsed ({type(error).__name__})"
        ) from None
    return meta


def _read_uid(found: Dataset, keyword: str) -> str:
    value = str(found.get(keyword) or "").strip("\0 ")
    if not value or len(value) > MAX_UID_CHARACTERS or not (value.isascii() and value.isprintable()):
        raise NotUnderstoodError(f"the file meta information has no valid {keyword}")
    return value


def _build_meta(meta: FileMeta) -> FileMetaDataset:
    """Return the file meta information that pynetdicom writes for a C-STORE request."""
    try:
        return create_file_meta(
            sop_class_uid=UID(meta.sop_class_uid),
            sop_instance_uid=UID(meta.sop_instance_uid),
            transfer_syntax=UID(meta.transfer_syntax_uid),
        )
    except ValueError:
        raise NotUnderstoodError("a UID in the file meta information is malformed") from None
