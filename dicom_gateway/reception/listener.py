"""A port of the gateway, plain or TLS, which accepts connections and starts their associations.

A TLS handshake runs in the connection's own thread and has a timeout. pynetdicom runs it in the thread that
accepts connections, where a silent caller would block the port for all others.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import Any, Final

import structlog
from pynetdicom import AE, evt
from pynetdicom.association import Association

from dicom_gateway.association.association_identity import identify
from dicom_gateway.association.film_stream import FilmStream
from dicom_gateway.association.pynetdicom_repairs.association_server import (
    AssociationHandler,
    AssociationServer,
)
from dicom_gateway.association.pynetdicom_repairs.film_socket import FilmSocket
from dicom_gateway.association.pynetdicom_repairs.reactor_checkpoint import ReactorCheckpoint
from dicom_gateway.association.tls_context import RenewedContext
from dicom_gateway.dataset_limits import DatasetLimits
from dicom_gateway.reception.admission import Admission, find_address
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.settings import GatewaySettings

log = structlog.get_logger(__name__)

POLL_S: Final = 0.05
ABORT_S: Final = 2.0
"""Longest wait for aborted associations to end."""


class Listener(AssociationServer):
    """A server at one port.

    Args:
        ae: supported presentation contexts, and timeouts.
        settings: allowed callers, and limits.
        port: a listening socket, which other processes may share.
        tls: TLS context; None for the plain port.
        handlers: pairs of a pynetdicom event and its handler.
        refusals: logs refusals.
    """

    daemon_threads = True  # an unfinished handshake must not keep the process alive

    def __init__(
        self,
        ae: AE,
        settings: GatewaySettings,
        port: socket.socket,
        tls: RenewedContext | None,
        handlers: list[Any],
        refusals: RefusalLog,
    ) -> None:
        self.settings = settings
        self.tls = tls
        self.refusals = refusals
        self.admission = Admission(settings)
        self._shaking_hands: list[str] = []
        self._lock = threading.Lock()
        self._port = port
        self._last_round = time.monotonic()
        handlers = [*handlers, (evt.EVT_REQUESTED, self._admit)]
        super().__init__(ae, port.getsockname(), settings.ae_title, handlers, FilmRequestHandler)

    def server_bind(self) -> None:
        """Replace the server's socket by the open port."""
        assert self.socket is not None
        self.socket.close()
        self.socket = self._port.dup()
        # A connection wakes every process at this port. Late ones must not block in `accept`, where they
        # would not notice a shutdown.
        self.socket.setblocking(False)
        self.server_address = self.socket.getsockname()

    def server_activate(self) -> None:
        """Do nothing, since the port listens already."""

    def server_close(self) -> None:
        """Close this process's socket without a shutdown, which would close the port for other processes."""
        assert self.socket is not None
        self.socket.close()

    def service_actions(self) -> None:
        """Report refusals; called after each connection, and every half second without a connection."""
        super().service_actions()
        self.refusals.flush()
        self._last_round = time.monotonic()

    def is_deaf(self, seconds: float) -> bool:
        """Return True when the port has looked for no connection for so long."""
        return time.monotonic() - self._last_round > seconds

    def end_associations(self, deadline: float) -> None:
        """Wait until the open associations have ended; abort the others at `deadline` (time.monotonic)."""
        while self.active_associations and time.monotonic() < deadline:
            time.sleep(POLL_S)
        for association in self.active_associations:
            association.abort(block=False)
        while self.active_associations and time.monotonic() < deadline + ABORT_S:
            time.sleep(POLL_S)

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Accept connections in a new thread."""
        threading.Thread(target=self.serve_forever, name=f"listener-{self.port}", daemon=True).start()

    def verify_request(self, _request: Any, client_address: Any) -> bool:
        """Return False, which refuses the connection, when there are far too many."""
        with self._lock:
            shaking_hands = list(self._shaking_hands)
        address = str(client_address[0])
        if not self.admission.is_flooded(address, shaking_hands):
            return True
        self.refusals.note("connection refused", address=address, reason="too many connections")
        return False

    def shake_hands(self, connection: socket.socket, address: str) -> socket.socket | None:
        """Return the connection after its TLS handshake, if any; close it and return None on failure."""
        if self.tls is None:
            return connection
        with self._lock:
            self._shaking_hands.append(address)
        try:
            connection.settimeout(self.tls.handshake_timeout_s)  # for the whole handshake
            return self.tls.current().wrap_socket(connection, server_side=True)
        except OSError as error:
            self.refusals.note("TLS handshake failed", address=address, reason=_explain(error))
            with suppress(OSError):
                connection.close()
            return None
        finally:
            with self._lock:
                self._shaking_hands.remove(address)

    def _admit(self, event: evt.Event) -> None:
        """Reject an inadmissible association request before its negotiation."""
        association = event.assoc
        rejection = self.admission.judge(association)
        calling = getattr(association.requestor.primitive, "calling_ae_title", None)
        if rejection is None:
            log.debug(
                "association opened",
                association=identify(association),
                sender=str(calling or "").strip(),
                address=find_address(association),
            )
            return
        code = rejection.value
        association.requestor.ae_title = calling or "NOBODY"
        self.refusals.note(
            "association rejected",
            caller=str(calling or "").strip(),
            address=find_address(association),
            reason=code.meaning,
        )
        association.acse.send_reject(code.result, code.source, code.reason)
        evt.trigger(association, evt.EVT_REJECTED, {})
        association.kill()


class FilmRequestHandler(AssociationHandler):
    """Gives each association a `FilmSocket` and a `FilmStream`."""

    server: Listener

    def handle(self) -> None:
        """Run the TLS handshake, if any, and start the association."""
        connection = self.server.shake_hands(self.request, self.remote.address)
        if connection is None:
            return
        self.request = connection
        super().handle()

    def equip(self, association: Association) -> None:
        """Set the upper layer that streams films, and a socket with a deadline."""
        settings = self.server.settings
        association.dul = FilmStream(association, DatasetLimits.of(settings))
        ReactorCheckpoint.install(association)
        association.network_timeout = self.ae.network_timeout  # reaches the timers of `dul`
        association.acse_timeout = self.ae.acse_timeout
        sock = FilmSocket(association, self.request)
        sock.deadline = time.monotonic() + settings.maximum_association_s
        association.set_socket(sock)


def _explain(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "not finished in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return error.strerror or type(error).__name__
