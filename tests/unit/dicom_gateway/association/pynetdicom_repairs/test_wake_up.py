"""Both threads of an association wait for work, and miss none."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider

from dicom_gateway.association.pynetdicom_repairs import reactor_checkpoint, wake_up
from dicom_gateway.association.pynetdicom_repairs.association_server import (
    AssociationHandler,
    AssociationServer,
)
from dicom_gateway.association.pynetdicom_repairs.film_socket import FilmSocket
from dicom_gateway.association.pynetdicom_repairs.reactor_checkpoint import ReactorCheckpoint
from dicom_gateway.association.pynetdicom_repairs.upper_layer import UpperLayer
from dicom_gateway.association.pynetdicom_repairs.wake_up import LONGEST_WAIT_S
from tests.servers.ports import wait_until

VERIFICATION = "1.2.840.10008.1.1"
LOOKS = 10
FOREVER_S = 60.0
SOON_S = 20.0


class RepairedHandler(AssociationHandler):
    """Gives each association the upper layer and the checkpoint under test."""

    def equip(self, association: Association) -> None:
        """Set them."""
        association.dul = UpperLayer(association)
        ReactorCheckpoint.install(association)
        association.set_socket(FilmSocket(association, self.request))


def serve(handler: type[AssociationHandler]) -> AssociationServer:
    ae = AE()
    ae.add_supported_context(VERIFICATION)
    handlers = [(evt.EVT_C_ECHO, lambda event: 0x0000)]
    server = AssociationServer(ae, ("127.0.0.1", 0), "TBSCREEN", handlers, handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def associate(server: AssociationServer) -> Association:
    ae = AE()
    ae.add_requested_context(VERIFICATION)
    host, port = server.server_address[:2]
    association = ae.associate(str(host), int(port))
    assert association.is_established
    return association


def time_looks(handler: type[AssociationHandler], monkeypatch: pytest.MonkeyPatch) -> float:
    """Return the seconds in which the upper layer of an idle association looks for work ten times."""
    looks: list[float] = []
    look = DULServiceProvider._process_recv_primitive
    server = serve(handler)
    association = associate(server)
    (answering,) = server.active_associations

    def note(layer: Any) -> bool:
        if layer is answering.dul:
            looks.append(time.monotonic())
        return bool(look(layer))

    with monkeypatch.context() as patched:
        patched.setattr(DULServiceProvider, "_process_recv_primitive", note)
        wait_until(lambda: len(looks) > LOOKS, SOON_S, "it has looked ten times")
    association.release()
    server.shutdown()
    return looks[LOOKS] - looks[0]


def test_pynetdicom_needs_the_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    assert time_looks(AssociationHandler, monkeypatch) < 0.5 * LOOKS * LONGEST_WAIT_S
    assert time_looks(RepairedHandler, monkeypatch) > 0.5 * LOOKS * LONGEST_WAIT_S


def test_messages_and_the_end_are_noticed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (wake_up, reactor_checkpoint):
        monkeypatch.setattr(module, "LONGEST_WAIT_S", FOREVER_S)
    server = serve(RepairedHandler)
    began = time.monotonic()
    association = associate(server)
    (answering,) = server.active_associations
    for _ in range(3):
        assert association.send_c_echo().Status == 0x0000
    association.release()
    assert association.is_released
    wait_until(lambda: not answering.is_alive(), SOON_S, "the thread of the association has ended")
    wait_until(lambda: not answering.dul.is_alive(), SOON_S, "that of its upper layer has ended")
    aborted = associate(server)
    (answering,) = server.active_associations
    aborted.abort()
    wait_until(lambda: not answering.is_alive(), SOON_S, "the aborted association has ended")
    assert time.monotonic() - began < FOREVER_S / 2
    server.shutdown()


def test_a_bell_that_is_closed_or_full_holds_up_nobody() -> None:
    bell = wake_up.Doorbell()
    bell.ring()
    bell.open()
    for _ in range(100_000):  # more than a pipe holds
        bell.ring()
    bell.close()
    bell.ring()
    bell.close()
