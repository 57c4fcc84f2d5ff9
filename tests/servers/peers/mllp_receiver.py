"""A receiver of HL7 messages by MLLP that accepts, refuses, keeps silent or goes away, as it is told."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Final

START: Final = b"\x0b"
END: Final = b"\x1c\r"

Answer = Callable[[bytes], bytes | None]


def read_control_id(message: bytes) -> str:
    """Return MSH-10."""
    return message.split(b"\r")[0].split(b"|")[9].decode("ascii")


def acknowledge(message: bytes, code: str = "AA", error: str = "", text: str = "") -> bytes:
    """Return an acknowledgement (HL7 2.5.1, 2.13)."""
    control_id = read_control_id(message)
    segments = [
        f"MSH|^~\\&|RIS|HOSPITAL|TBSCREEN||20240506070809||ACK^R01^ACK|A{control_id[:8]}|P|2.5.1",
        f"MSA|{code}|{control_id}|{text}",
    ]
    if error:
        segments.append(f"ERR|||{error}^reason^HL70357|E")
    return ("\r".join(segments) + "\r").encode()


class MllpReceiver:
    """A receiver on a port of this host.

    Attributes:
        answer: returns the answer to a message, without framing; None keeps silent.
        received: every message that came, with repetitions.

    Args:
        context: for TLS.
        address: where it listens.
    """

    def __init__(self, context: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        self.answer: Answer = acknowledge
        self.received: list[bytes] = []
        self._context = context
        self._address = address
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server((address, 0))
        self.port = int(self._listener.getsockname()[1])
        self._serve()

    def go_away(self) -> None:
        """Close the port and every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Open the same port again."""
        self._listener = socket.create_server((self._address, self.port))
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with self._lock:
                self._open.add(connection)
            kept = b""
            while block := connection.recv(65536):
                kept += block
                while END in kept:
                    message, _, kept = kept.partition(END)
                    message = message.removeprefix(START)
                    self.received.append(message)
                    answer = self.answer(message)
                    if answer is not None:
                        connection.sendall(START + answer + END)
        with self._lock:
            self._open.discard(connection)
        connection.close()
