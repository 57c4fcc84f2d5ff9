"""A connection to a peer's DICOMweb service (PS3.18), plain or TLS."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from dicom_gateway.association.peer_association import CONNECTION_TIMEOUT_S, explain_tls
from dicom_gateway.association.tls_context import build_peer_context
from dicom_gateway.association.tls_settings import PeerTlsSettings
from dicom_gateway.settings import PeerSettings
from domain.errors import PermanentError, TransientError

LARGEST_ANSWER: Final = 1024 * 1024
"""Most bytes of an answer that are read."""


class NoAnswerError(TransientError):
    """The peer was not reached, or did not answer. Transient."""


@dataclass(frozen=True)
class WebAnswer:
    """The answer to a request."""

    status: int
    body: bytes
    warning: str
    """The Warning header (RFC 7234 5.5); empty without one."""


class WebConnection(http.client.HTTPConnection):
    """A connection to a DICOMweb peer, plain or TLS, which may be used for several requests.

    Args:
        peer: a peer with `protocol = "dicomweb"`.
        timeout_s: longest silence of the peer, seconds. A whole request takes twice as long at most.

    Raises:
        NoAnswerError: when a file of certificate, key, CA or token cannot be used.
    """

    def __init__(self, peer: PeerSettings, timeout_s: float) -> None:
        place = urlsplit(peer.url)
        self._place = f"{place.hostname}:{place.port or (443 if place.scheme == 'https' else 80)}"
        self._path = place.path.rstrip("/")
        self._timeout_s = timeout_s
        tls = peer.tls or PeerTlsSettings()
        self._server_name = tls.host_name or str(place.hostname)
        try:
            self._context = build_peer_context(tls) if place.scheme == "https" else None
            self._headers = _authorize(peer)
        except PermanentError as error:  # of the settings, not of an object
            raise NoAnswerError(str(error)) from None
        port = place.port or (443 if self._context is not None else 80)
        super().__init__(str(place.hostname), port, timeout=min(CONNECTION_TIMEOUT_S, timeout_s))

    def connect(self) -> None:
        """Connect, with the TLS handshake."""
        super().connect()
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self._server_name)
        self.sock.settimeout(self._timeout_s)

    def ask(
        self,
        method: str,
        target: str,
        body: bytes,
        headers: Mapping[str, str],
        largest: int = LARGEST_ANSWER,
    ) -> WebAnswer:
        """Send a request; return the answer, with `largest` bytes of its body at most.

        Raises:
            NoAnswerError: the text gives the reason and what to do.
        """
        was_open = self.sock is not None
        try:
            with self._limited():
                self.request(method, self._path + target, body, self._headers | dict(headers))
                response = self.getresponse()
                content = response.read(largest)
                if self._is_cut or (response.length and len(content) < largest):
                    raise http.client.IncompleteRead(content)
                if not response.isclosed():  # a longer answer
                    self.close()
                return WebAnswer(response.status, content, response.getheader("Warning", ""))
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if was_open and isinstance(error, (ConnectionError, http.client.RemoteDisconnected)):
                # The peer closed the connection while it was idle. The object is the same, so that a second
                # request does no harm.
                return self.ask(method, target, body, headers, largest)
            raise NoAnswerError(self.explain(error)) from None

    def fetch(self, target: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Send a GET; return the answer, whose body is not read yet.

        Raises:
            NoAnswerError: the text gives the reason and what to do.
        """
        was_open = self.sock is not None
        try:
            with self._limited():
                self.request("GET", self._path + target, headers=self._headers | dict(headers))
                return self.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if was_open and isinstance(error, (ConnectionError, http.client.RemoteDisconnected)):
                return self.fetch(target, headers)
            raise NoAnswerError(self.explain(error)) from None

    def cut(self) -> None:
        """End the request in progress, from any thread."""
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """Cut the connection when the peer drips its answer."""
        self._is_cut = False

        def cut() -> None:
            self._is_cut = True
            self.cut()

        timer = threading.Timer(2 * self._timeout_s, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def explain(self, error: OSError | http.client.HTTPException) -> str:
        """Return the reason of a failure, for people."""
        if isinstance(error, ssl.SSLError):
            return f"TLS with {self._place} failed: {explain_tls(error)}"
        if isinstance(error, socket.gaierror):
            return f"the host name {self.host} cannot be resolved"
        if isinstance(error, TimeoutError):
            return f"nothing answers at {self._place} in time"
        if isinstance(error, http.client.RemoteDisconnected):
            return f"{self._place} ends the connection without an answer"
        if isinstance(error, OSError):
            return f"nothing answers at {self._place} ({error.strerror or type(error).__name__})"
        return f"{self._place} does not answer in HTTP ({type(error).__name__})"


def _authorize(peer: PeerSettings) -> dict[str, str]:
    """Return the header with the peer's token, which is read each time, so that it may be renewed.

    Raises:
        PermanentError: when the file cannot be read or holds no token.
    """
    if peer.token_file is None:
        return {}
    try:
        token = peer.token_file.read_text("ascii").strip()
    except OSError as error:
        reason = f"{peer.token_file} cannot be read: {error.strerror}"
        raise PermanentError(f"peers.token_file: {reason}") from None
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable():
        raise PermanentError(f"peers.token_file: {peer.token_file} holds no token of one line")
    return {"Authorization": f"Bearer {token}"}
