"""The child process that prepares films, so that a crash or hang of a decoder stops nothing else.

multiprocessing pickles the child's arguments, which come from this process alone. The child's answers are
msgpack and validated (`preparation_message`).
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import select
import struct
import time
from collections.abc import Callable, Collection
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import structlog

from dicom_gateway.library_settings import configure_dicom_libraries
from dicom_gateway.log_redaction import locate, silence_quoting
from dicom_gateway.preparation.film_preparation import Preparation, prepare
from dicom_gateway.preparation.preparation_message import (
    MAX_ANSWER_BYTES,
    PreparationEnd,
    pack_answer,
    pack_request,
    unpack_answer,
    unpack_request,
)
from dicom_gateway.settings import GatewaySettings

BEHIND_RECEPTION: Final = 5
"""Niceness of the child, since senders wait for reception but not for decoding."""

CHILD_START_TIMEOUT_S: Final = 60.0

LENGTH: Final = struct.Struct("!i")
"""The length before each message of a `Connection`, bytes."""

TRIM_THRESHOLD: Final = -1
MMAP_THRESHOLD: Final = -3
"""Parameters of `mallopt` (glibc, malloc.h)."""

KEPT_BYTES: Final = 32 * 1024 * 1024
"""Free memory that the child keeps; the system clears each page that a film takes anew."""

UP: Final = b"up"
"""The child's greeting."""

log = structlog.get_logger(__name__)


class PreparationProcess:
    """A child process that prepares one film at a time and is replaced when it dies or hangs.

    Args:
        settings: of the gateway.
        ended_idle: called when the child has died while it had no film.
    """

    def __init__(self, settings: GatewaySettings, ended_idle: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._ended_idle = ended_idle
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def prepare(
        self,
        path: Path,
        calling_ae_title: str,
        own_digests: Collection[str] = (),
        *,
        header_only: bool = False,
    ) -> Preparation | None:
        """Prepare a film in the child; return None when it died, timed out or gave a malformed answer."""
        request = pack_request(path, calling_ae_title, own_digests, header_only=header_only)
        try:
            self.open().send_bytes(request)
            answer = unpack_answer(self._receive(MAX_ANSWER_BYTES, self._settings.preparation_timeout_s))
            if isinstance(answer, Preparation):
                return answer
            log.error(
                "preparation ended", error=answer.error, at=answer.at
            )  # logged here, where the film is bound to the log
        except (EOFError, OSError):
            pass
        except ValueError:
            log.error("preparation gave a malformed answer")
        self.close()
        return None

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def open(self) -> Connection:
        """Start the child unless one is alive, and wait until it is ready."""
        if self._process is not None and not self._process.is_alive():
            self._ended_idle()
            self.close()
        if self._connection is None:
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=_serve, args=(theirs, self._settings), daemon=True)
            process.start()
            theirs.close()
            self._process, self._connection = process, ours
            try:
                if self._receive(len(UP), CHILD_START_TIMEOUT_S) != UP:
                    raise ConnectionError("the preparation process does not greet")
            except (EOFError, OSError):
                # A late greeting would shift all answers: each film would get the array of the film before.
                self.close()
                raise
        return self._connection

    def _receive(self, maximum_bytes: int, timeout_s: float) -> bytes:
        """Return the next message of the child.

        `Connection.recv_bytes` waits without limit for the rest of a message, also after the child's death
        while a process that the child started holds the pipe open.

        Raises:
            TimeoutError: when the message is not complete in time.
            EOFError: when the child ends before the end of the message.
            OSError: for a message longer than `maximum_bytes`.
        """
        deadline = time.monotonic() + timeout_s
        (length,) = LENGTH.unpack(self._read(LENGTH.size, deadline))
        if not 0 <= length <= maximum_bytes:
            raise OSError("the preparation process announces a message that is too long")
        return self._read(length, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        """Return `size` bytes of the child, read until `deadline` (time.monotonic)."""
        assert self._connection is not None
        descriptor = self._connection.fileno()
        poll = select.poll()  # not `select.select`, which fails for a descriptor above 1023
        poll.register(descriptor, select.POLLIN)
        content = bytearray()
        while len(content) < size:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError("the preparation process does not answer")
            piece = os.read(descriptor, size - len(content))
            if not piece:
                raise EOFError
            content += piece
        return bytes(content)


def _keep_memory() -> None:
    """Let glibc keep freed memory for the next strip and the next film."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(TRIM_THRESHOLD, KEPT_BYTES)


def _serve(connection: Connection, settings: GatewaySettings) -> None:
    """Run the child: prepare the requested films until the gateway closes the connection."""
    silence_quoting()
    configure_dicom_libraries()
    _keep_memory()
    os.nice(BEHIND_RECEPTION)
    limit = settings.preparation_memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    connection.send_bytes(UP)
    while True:
        try:
            path, calling_ae_title, own_digests, header_only = unpack_request(connection.recv_bytes())
        except (EOFError, KeyboardInterrupt):
            return
        try:
            answer = prepare(path, calling_ae_title, settings, own_digests, header_only=header_only)
            connection.send_bytes(pack_answer(answer))
        except Exception as error:  # noqa: BLE001  multiprocessing would print the error, which may quote the header
            connection.send_bytes(pack_answer(PreparationEnd(error=type(error).__name__, at=locate(error))))
            return
