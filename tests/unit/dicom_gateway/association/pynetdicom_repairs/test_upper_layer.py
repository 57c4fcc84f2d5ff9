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
from pynetdicom.transport import AssociationSocket

from dicom_gateway.association.pynetdicom_repairs.association_server import (
    AssociationHandler,
    AssociationServer,
)
from dicom_gateway.association.pynetdicom_repairs.upper_layer import UpperLayer
from tests.servers.ports import wait_until

ACSE_TIMEOUT_S = 60
SOON_S = 2


class RepairedHandler(AssociationHandler):
    """Gives each association the upper layer under test."""

    def equip(self, association: Association) -> None:
        """Set it."""
        association.dul = UpperLayer(association)
        association.set_socket(AssociationSocket(association, self.request))
        association.acse_timeout = ACSE_TIMEOUT_S


def probe(handler: type[AssociationHandler]) -> Association:
    """Connect to a port and close the connection; return the association that it began."""
    begun: list[Association] = []
    ae = AE()
    ae.acse_timeout = ACSE_TIMEOUT_S
    ae.add_supported_context("1.2.840.10008.1.1")
    handlers = [(evt.EVT_CONN_OPEN, lambda event: begun.append(event.assoc))]
    server = AssociationServer(ae, ("127.0.0.1", 0), "TBSCREEN", handlers, handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
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


@pytest.mark.parametrize(("make", "is_daemon"), [(UpperLayer, True), (DULServiceProvider, False)])
def test_a_silent_peer_keeps_no_process(
    make: Callable[[Association], DULServiceProvider], is_daemon: bool
) -> None:
    assert make(Association(AE(), MODE_ACCEPTOR)).daemon is is_daemon
