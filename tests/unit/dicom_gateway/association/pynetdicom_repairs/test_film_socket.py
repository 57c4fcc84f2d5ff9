"""Differences between `FilmSocket` and the socket of pynetdicom, which still needs them."""

from __future__ import annotations

import fcntl
import resource
import select
import socket
import ssl
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from pynetdicom import AE
from pynetdicom.association import MODE_REQUESTOR, Association
from pynetdicom.transport import AssociationSocket

from dicom_gateway.association.pynetdicom_repairs.film_socket import FilmSocket
from tests.servers.certificates import Certificates

TIMEOUT_S = 3.0


def connect() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        return server.accept()[0], client


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = connect()
    yield ours, theirs
    ours.close()
    theirs.close()


def wrap(kind: type[AssociationSocket], connection: socket.socket) -> AssociationSocket:
    ae = AE()
    ae.network_timeout = TIMEOUT_S
    return kind(Association(ae, MODE_REQUESTOR), client_socket=connection)


class Listening(socket.socket):
    """A connection that notes how much it is asked for at once."""

    most = 0

    def recv(self, size: int, flags: int = 0) -> bytes:
        self.most = max(self.most, size)
        return super().recv(size, flags)

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        self.most = max(self.most, size or len(buffer))
        return super().recv_into(buffer, size, flags)


@pytest.mark.parametrize(("kind", "is_large"), [(FilmSocket, True), (AssociationSocket, False)])
def test_reads_large_pieces(kind: type[AssociationSocket], is_large: bool) -> None:
    ours, theirs = connect()
    listening = Listening(fileno=ours.detach())
    with theirs, listening:
        theirs.sendall(bytes(50_000))
        assert len(wrap(kind, listening).recv(50_000)) == 50_000
    assert (listening.most > 4096) is is_large


@pytest.mark.parametrize(("kind", "timeout"), [(FilmSocket, TIMEOUT_S), (AssociationSocket, None)])
def test_does_not_wait_for_ever_for_the_rest_of_a_pdu(
    kind: type[AssociationSocket], timeout: float | None, ends: tuple[socket.socket, socket.socket]
) -> None:
    assert wrap(kind, ends[0]).socket is ends[0]
    assert ends[0].gettimeout() == timeout


@pytest.mark.parametrize(("kind", "without_delay"), [(FilmSocket, True), (AssociationSocket, False)])
def test_sends_small_messages_without_delay(
    kind: type[AssociationSocket], without_delay: bool, ends: tuple[socket.socket, socket.socket]
) -> None:
    wrap(kind, ends[0])
    assert bool(ends[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) is without_delay


@pytest.mark.parametrize(("kind", "is_seen"), [(FilmSocket, True), (AssociationSocket, False)])
def test_sees_data_on_a_descriptor_beyond_those_of_select(
    kind: type[AssociationSocket], is_seen: bool, ends: tuple[socket.socket, socket.socket]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        number = fcntl.fcntl(ends[0], fcntl.F_DUPFD_CLOEXEC, 1100)
        with socket.socket(fileno=number) as high:
            ends[1].sendall(b"film")
            assert select.select([ends[0]], [], [], 10)[0]
            assert wrap(kind, high).ready is is_seen
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("kind", "is_closed"), [(FilmSocket, True), (AssociationSocket, False)])
def test_closes_a_connection_that_the_peer_has_broken(
    kind: type[AssociationSocket], is_closed: bool, ends: tuple[socket.socket, socket.socket]
) -> None:
    sock = wrap(kind, ends[0])
    ends[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ends[1].close()  # a reset
    assert select.select([ends[0]], [], [], 10)[0]
    with pytest.raises(ConnectionResetError):
        ends[0].recv(1)
    sock.close()
    assert (ends[0].fileno() == -1) is is_closed


@pytest.mark.parametrize(("kind", "seems_ready"), [(FilmSocket, False), (AssociationSocket, True)])
def test_a_tls_record_without_content_is_nothing_to_be_read(
    kind: type[AssociationSocket],
    seems_ready: bool,
    ends: tuple[socket.socket, socket.socket],
    certificates: Certificates,
) -> None:
    client = ssl.create_default_context(cafile=certificates.ca)
    client.check_hostname = False
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates.gateway.certificate, certificates.gateway.key)
    ours = client.wrap_socket(ends[0], do_handshake_on_connect=False)
    theirs = server.wrap_socket(ends[1], server_side=True, do_handshake_on_connect=False)
    shake_hands(ours, theirs)
    assert ours.version() == "TLSv1.3"
    assert select.select([ours], [], [], 10)[0], "the session tickets have come"

    sock = wrap(kind, ours)
    assert sock.ready is seems_ready
    if kind is FilmSocket:
        theirs.sendall(b"film")
        assert select.select([ours], [], [], 10)[0]
        assert sock.ready
        assert sock.recv(4) == b"film"
    ours.close()
    theirs.close()


def shake_hands(ours: ssl.SSLSocket, theirs: ssl.SSLSocket) -> None:
    """Shake hands in turns: both ends are in this thread."""
    left = [ours, theirs]
    for end in left:
        end.setblocking(False)
    while left:
        for end in list(left):
            try:
                end.do_handshake()
                left.remove(end)
            except ssl.SSLWantReadError:
                select.select([end], [], [], 0.05)
    for end in (ours, theirs):
        end.settimeout(10)
