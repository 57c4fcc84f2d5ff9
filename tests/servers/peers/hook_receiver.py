"""A receiver of webhooks over HTTP or HTTPS that answers, drips, or goes away, as it is told."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class HookRequest:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    """By their names in lower case."""
    body: bytes

    @property
    def key(self) -> str:
        """The idempotency key."""
        return self.headers["idempotency-key"]


class HookReceiver:
    """A receiver on a port of this host.

    Attributes:
        answer: returns the status of the answer to a request; a negative number drips without end.
        location: header of the answer, for redirects.
        received: every request that came, with repetitions.

    Args:
        certificate: PEM files of certificate and key, for HTTPS.
    """

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.answer: Callable[[HookRequest], int] = lambda request: 204
        self.location = ""
        self.received: list[HookRequest] = []
        self._ending = threading.Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                hook.received.append(request := HookRequest(self.path, headers, body))
                status = hook.answer(request)
                with contextlib.suppress(OSError):
                    while status < 0 and not hook._ending.wait(0.02):
                        self.wfile.write(b"H")
                    if status > 0:
                        self.send_response(status)
                        if hook.location:
                            self.send_header("Location", hook.location)
                        self.send_header("Content-Length", "0")
                        self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments: object) -> None:
                """Say nothing of callers that end a handshake."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close the port."""
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
