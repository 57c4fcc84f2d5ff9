"""A child process that decodes hostile bytes, so that a crash or hang of a decoder stops nothing else.

multiprocessing pickles the child's arguments, which come from this process alone. The child's answers are
bytes, which its user validates.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import select
import struct
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Final

from dicom_gateway.library_settings import configure_dicom_libraries
from dicom_gateway.log_redaction import silence_quoting
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

Serve = Callable[[Connection, GatewaySettings], None]
"""The life of a child: it calls `begin`, then answers each message of its connection with one message."""


class DecodingProcess:
    """A child process that answers one message at a time and is replaced when it dies.

    Args:
        serve: the child's life, a function of a module.
        settings: of the gateway.
        ended_idle: called when the child has died while it had no message to answer.
    """

    def __init__(
        self, serve: Serve, settings: GatewaySettings, ended_idle: Callable[[], None] = lambda: None
    ) -> None:
        self._serve = serve
        self._settings = settings
        self._ended_idle = ended_idle
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def ask(self, request: bytes, maximum_bytes: int, timeout_s: float) -> bytes:
        """Send a message to the child and return its answer.

        `Connection.recv_bytes` waits without limit for the rest of a message, also after the child's death
        while a process that the child started holds the pipe open.

        Raises:
            TimeoutError: when the answer is not complete in time.
            EOFError: when the child ends before the end of the answer.
            OSError: for an answer longer than `maximum_bytes`.
        """
        self.open().send_bytes(request)
        return self._receive(maximum_bytes, timeout_s)

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
            process = self._context.Process(target=self._serve, args=(theirs, self._settings), daemon=True)
            process.start()
            theirs.close()
            self._process, self._connection = process, ours
            try:
                if self._receive(len(UP), CHILD_START_TIMEOUT_S) != UP:
                    raise ConnectionError("the decoding process does not greet")
            except (EOFError, OSError):
                # A late greeting would shift all answers: each film would get the answer of the film before.
                self.close()
                raise
        return self._connection

    def _receive(self, maximum_bytes: int, timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        (length,) = LENGTH.unpack(self._read(LENGTH.size, deadline))
        if not 0 <= length <= maximum_bytes:
            raise OSError("the decoding process announces a message that is too long")
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
                raise TimeoutError("the decoding process does not answer")
            piece = os.read(descriptor, size - len(content))
            if not piece:
                raise EOFError
            content += piece
        return bytes(content)


def begin(connection: Connection, settings: GatewaySettings) -> None:
    """Set up a child: nothing quotes a header, memory is limited, reception goes first; then greet."""
    silence_quoting()
    configure_dicom_libraries()
    _keep_memory()
    os.nice(BEHIND_RECEPTION)
    limit = settings.preparation_memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    connection.send_bytes(UP)


def _keep_memory() -> None:
    """Let glibc keep freed memory for the next strip and the next film."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(TRIM_THRESHOLD, KEPT_BYTES)
