"""Associations of our server share its contexts, and it can be shut down."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.transport import ThreadedAssociationServer

from dicom_gateway.association.pynetdicom_repairs.association_server import (
    AssociationHandler,
    AssociationServer,
)
from tests.servers.ports import wait_until


def build_entity() -> AE:
    ae = AE()
    ae.acse_timeout = 1
    ae.add_supported_context("1.2.840.10008.1.1")
    return ae


@contextlib.contextmanager
def serving(server: ThreadedAssociationServer) -> Iterator[list[Association]]:
    """The associations that begin at a server."""
    begun: list[Association] = []
    server.bind(evt.EVT_CONN_OPEN, lambda event: begun.append(event.assoc))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield begun
    thread.join(20)
    assert not thread.is_alive()


def connect(server: ThreadedAssociationServer, begun: list[Association]) -> Association:
    socket.create_connection(server.server_address[:2]).close()
    wait_until(lambda: bool(begun), 20, "an association begins")
    return begun[0]


def test_contexts_are_shared_and_the_server_can_be_shut_down() -> None:
    server = AssociationServer(build_entity(), ("127.0.0.1", 0), "TBSCREEN", [], AssociationHandler)
    with serving(server) as begun:
        association = connect(server, begun)
        assert association.acceptor.supported_contexts[0] is server.contexts[0]
        server.shutdown()


def test_pynetdicom_needs_the_repairs() -> None:
    server: Any = build_entity().make_server(("127.0.0.1", 0), server_class=ThreadedAssociationServer)
    with serving(server) as begun:
        association = connect(server, begun)
        assert association.acceptor.supported_contexts[0] is not server.contexts[0], "pynetdicom shares them"
        with pytest.raises(ValueError, match="not in list"):
            server.shutdown()
