"""Stands between courier and PACS on the network: passes bytes on, refuses, or dies in mid-transfer.

It passes on bytes of any protocol; for those that refuse there is an SCP, and a server of HTTP.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, evt

BLOCK: Final = 4096
OUT_OF_RESOURCES: Final = 0xA700
CUT_AFTER_BYTES: Final = 6000
"""More than an association request, less than an association request and a report."""


class PacsDoor:
    """A TCP relay whose far end can be changed.

    Args:
        target_port: the PACS on 127.0.0.1.
        address: where the door is.
        start_refuser: starts the server that stands in for a PACS that refuses; by default an SCP.
    """

    def __init__(
        self,
        target_port: int,
        address: str = "127.0.0.1",
        start_refuser: Callable[[], Any] | None = None,
    ) -> None:
        self._target_port = target_port
        self._refusing = False
        self._cut: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._refuser = (start_refuser or _start_refuser)()
        self._passing = threading.Event()
        self._passing.set()
        self._listener = socket.create_server((address, 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name="door", daemon=True).start()

    def refuse(self, refusing: bool) -> None:
        """Let every object be refused for want of resources, or no longer; what is open ends."""
        self._refusing = refusing
        self._close_all()

    def be_silent(self, silent: bool) -> None:
        """Keep every byte in both directions, and end nothing; or pass on again what was kept."""
        if silent:
            self._passing.clear()
        else:
            self._passing.set()

    def cut_next(self, then: Callable[[], None]) -> None:
        """In the middle of the next transfer call `then` and end all that is open."""
        with self._lock:
            self._cut = then

    def cancel_cut(self) -> None:
        """Ask for no cut any more."""
        with self._lock:
            self._cut = None

    def is_cut(self) -> bool:
        """True when the cut that was asked for has happened."""
        with self._lock:
            return self._cut is None

    def close(self) -> None:
        """End everything."""
        self._passing.set()
        self._listener.close()
        self._close_all()
        self._refuser.shutdown()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            port = int(self._refuser.server_address[1]) if self._refusing else self._target_port
            try:
                far = socket.create_connection(("127.0.0.1", port), timeout=5)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            threading.Thread(target=self._relay, args=(near, far, not self._refusing), daemon=True).start()
            threading.Thread(target=self._relay, args=(far, near, False), daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket, may_be_cut: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while block := source.recv(BLOCK):
                self._passing.wait()
                passed += len(block)
                if may_be_cut and passed > CUT_AFTER_BYTES and self._do_cut(target, block):
                    break
                target.sendall(block)
        for side in (source, target):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()
        with self._lock:
            self._open -= {source, target}

    def _do_cut(self, target: socket.socket, block: bytes) -> bool:
        with self._lock:
            then, self._cut = self._cut, None
        if then is None:
            return False
        target.sendall(block[: len(block) // 2])
        then()
        self._close_all()
        return True

    def _close_all(self) -> None:
        with self._lock:
            sides = list(self._open)
        for side in sides:
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


def _start_refuser() -> Any:
    """Start an SCP that takes no object (PS3.4 Table B.2-1, Refused: Out of Resources)."""
    ae = AE(ae_title="ORTHANC")
    ae.maximum_associations = 50
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(
            str(context.abstract_syntax), [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
        )
    ae.add_supported_context("1.2.840.10008.1.1")
    handlers: list[Any] = [(evt.EVT_C_STORE, lambda event: OUT_OF_RESOURCES)]
    return ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)


class _Refusal(BaseHTTPRequestHandler):
    """Answers every Store request with 503."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


def start_web_refuser() -> ThreadingHTTPServer:
    """Start a DICOMweb server that takes no object."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusal)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="web refuser", daemon=True).start()
    return server
