"""An upper layer that wakes the thread of its association, which pynetdicom's own does not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.association import MODE_ACCEPTOR, Association
from pynetdicom.dul import DULServiceProvider

from dicom_gateway.association.pynetdicom_repairs.association_server import (
    AssociationHandler,
    AssociationServer,
)
from dicom_gateway.association.pynetdicom_repairs.film_socket import FilmSocket
from dicom_gateway.association.pynetdicom_repairs.upper_layer import MOST_DISCARDED_BYTES, UpperLayer
from tests.servers.ports import wait_until

ACSE_TIMEOUT_S = 60
SOON_S = 2


class RepairedHandler(AssociationHandler):
    """Gives each association the upper layer under test."""

    def equip(self, association: Association) -> None:
        """Set it."""
        association.dul = UpperLayer(association)
        association.set_socket(FilmSocket(association, self.request))
        association.acse_timeout = ACSE_TIMEOUT_S


def serve(handler: type[AssociationHandler], begun: list[Association]) -> AssociationServer:
    """Start a server, which adds the associations that begin to `begun`."""
    ae = AE()
    ae.acse_timeout = ACSE_TIMEOUT_S
    ae.add_supported_context("1.2.840.10008.1.1")
    handlers = [(evt.EVT_CONN_OPEN, lambda event: begun.append(event.assoc))]
    server = AssociationServer(ae, ("127.0.0.1", 0), "TBSCREEN", handlers, handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def probe(handler: type[AssociationHandler]) -> Association:
    """Connect to a port and close the connection; return the association that it began."""
    begun: list[Association] = []
    server = serve(handler, begun)
    socket.create_connection(server.server_address[:2]).close()

    def has_ended(thread: threading.Thread) -> bool:
        return thread.ident is not None and not thread.is_alive()

    wait_until(lambda: bool(begun) and begun[0].ident is not None, 20, "the association begins")
    wait_until(lambda: has_ended(begun[0].dul), 20, "its upper layer sees the end of the connection")
    begun[0].join(SOON_S)
    server.shutdown()
    return begun[0]


@pytest.mark.parametrize(("handler", "waits"), [(RepairedHandler, False), (AssociationHandler, True)])
def test_a_probe_holds_no_thread(handler: type[AssociationHandler], waits: bool) -> None:
    association = probe(handler)
    assert association.is_alive() is waits
    queue: Any = association.dul.to_user_queue
    queue.put(None)
    association.join(20)
    assert not association.is_alive()


INVALID_REQUEST = b"\x01\x00" + (68).to_bytes(4, "big") + b"\xff" * 68
ABORT = b"\x07\x00\x00\x00\x00\x04"
"""Type and length of an A-ABORT PDU (PS3.8 Table 9-26)."""


def send_invalid(handler: type[AssociationHandler], content: bytes) -> tuple[bytes, bool, Association]:
    """Send bytes that are no request; return the answer, whether the connection closes, the association."""
    begun: list[Association] = []
    server = serve(handler, begun)
    answer, is_closed = b"", False
    with socket.create_connection(server.server_address[:2]) as connection:
        connection.sendall(content)
        connection.settimeout(SOON_S)
        try:
            while piece := connection.recv(4096):
                answer += piece
            is_closed = True
        except TimeoutError:
            pass
    wait_until(lambda: bool(begun), 20, "the association begins")
    server.shutdown()
    return answer, is_closed, begun[0]


@pytest.mark.parametrize(
    "rest", [b"", b"\0\0\0", b"\0" * 20, b"\0" * (MOST_DISCARDED_BYTES // 2)], ids=["0", "3", "20", "many"]
)
@pytest.mark.parametrize("request_", [INVALID_REQUEST, b"GET / HTTP/1.1\r\n"], ids=["request", "http"])
def test_an_invalid_request_is_aborted_at_once(request_: bytes, rest: bytes) -> None:
    answer, is_closed, association = send_invalid(RepairedHandler, request_ + rest)
    assert (answer[:6], len(answer), is_closed) == (ABORT, 10, True)
    association.join(SOON_S)
    assert not association.is_alive()
    assert not association.dul.is_alive()


def test_pynetdicom_waits_for_more_after_an_invalid_request() -> None:
    answer, is_closed, association = send_invalid(AssociationHandler, INVALID_REQUEST + b"\0\0\0")
    assert (answer, is_closed) == (b"", False), "pynetdicom aborts at once"
    queue: Any = association.dul.to_user_queue
    queue.put(None)
    association.join(20)


@pytest.mark.parametrize(("make", "is_daemon"), [(UpperLayer, True), (DULServiceProvider, False)])
def test_a_silent_peer_keeps_no_process(
    make: Callable[[Association], DULServiceProvider], is_daemon: bool
) -> None:
    assert make(Association(AE(), MODE_ACCEPTOR)).daemon is is_daemon
