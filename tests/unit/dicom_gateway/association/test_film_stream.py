"""Datasets on their way from a real association into the spool."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pynetdicom import AE
from pynetdicom.association import Association
from sqlalchemy import select

from db.database import Database
from db.tables import Instance
from dicom_gateway.association import film_stream
from dicom_gateway.association.film_stream import COMMAND, LAST, PDU_HEADER, PDV_HEADER
from dicom_gateway.dataset_limits import (
    LOOK_EVERY_BYTES,
    DatasetLimits,
    DiskNearlyFullError,
    TooLargeError,
)
from dicom_gateway.reception.storage_scp import StorageScp
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from tests.dicom_libraries import configured_to_receive
from tests.films import dataset_offset, read, small_film
from tests.servers.ports import wait_until
from tests.unit.dicom_gateway.raw_pdus import Fragment, encode_command, encode_pdu


class Listener:
    """A storage SCP with its spool."""

    def __init__(self, folder: Path, database: Database, **settings: Any) -> None:
        self.spool = Spool(folder / "spool")
        self._database = database
        self._scp = StorageScp(
            GatewaySettings(**{"host": "127.0.0.1", "port": 0, "reserved_disk_bytes": 0, **settings}),
            database,
            self.spool,
            received=lambda: None,
        )
        self.port = self._scp.start()

    def associate(self, film: Path) -> Association:
        header = read(film)
        ae = AE(ae_title="MODALITY")
        ae.add_requested_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)
        association = ae.associate("127.0.0.1", self.port, ae_title="TBSCREEN")
        assert association.is_established
        return association

    def kept(self) -> list[tuple[str, bytes]]:
        """SHA-256 by row, and dataset on disk, of every film that was taken."""
        with self._database.read() as session:
            rows = session.execute(select(Instance.dataset_sha256, Instance.spool_path)).all()
        paths = [(sha256, self.spool.path(path)) for sha256, path in rows]
        return [(sha256, path.read_bytes()[dataset_offset(path) :]) for sha256, path in paths]

    def stop(self) -> None:
        self._scp.stop()


@pytest.fixture(autouse=True)
def process_that_receives(tmp_path: Path) -> Iterator[None]:
    with configured_to_receive(Spool(tmp_path / "spool").incoming):
        yield


@pytest.fixture
def listener(tmp_path: Path, sqlite_database: Database) -> Iterator[Listener]:
    listener = Listener(tmp_path, sqlite_database)
    yield listener
    listener.stop()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return small_film(tmp_path)


def dataset_of(film: Path) -> bytes:
    return film.read_bytes()[dataset_offset(film) :]


def send_raw(association: Association, *pdus: bytes) -> int:
    """Send PDUs past pynetdicom and return the status of the answer."""
    # The association's own thread must not take the answer.
    association._reactor_checkpoint.clear()
    wait_until(lambda: association._is_paused, 10, "pynetdicom's reactor pauses")
    transport: Any = association.dul.socket
    for pdu in pdus:
        transport.socket.sendall(pdu)
    return receive_status(association)


def receive_status(association: Association) -> int:
    answer: Any = association.dimse.get_msg(block=True)[1]
    assert answer is not None, "no answer came"
    return int(answer.Status)


def release(association: Association) -> None:
    association._reactor_checkpoint.set()
    association.release()


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def test_dataset_larger_than_a_block_is_kept_and_hashed_as_it_came(
    listener: Listener, tmp_path: Path
) -> None:
    pixels = os.urandom(film_stream.BLOCK_BYTES * 2 + 2 * 77)
    film = small_film(tmp_path, PixelData=pixels)
    association = listener.associate(film)

    assert association.send_c_store(film).Status == 0x0000
    association.release()

    content = dataset_of(film)
    assert listener.kept() == [(hashlib.sha256(content).hexdigest(), content)]


@pytest.mark.parametrize("size", [2, 1000, 100_000, 300_000])
def test_how_the_dataset_is_cut_into_fragments_and_pdus_does_not_matter(
    size: int, listener: Listener, film: Path
) -> None:
    content = dataset_of(film)
    head, tail = content[:4000], content[4000:]
    pieces = [*cut(head, min(size, 1000)), *cut(tail, max(size, 50_000))]
    fragments: list[Fragment] = [(0, piece) for piece in pieces[:-1]] + [(LAST, pieces[-1])]
    association = listener.associate(film)

    pdus = [encode_pdu(*fragments[at : at + 3]) for at in range(0, len(fragments), 3)]
    status = send_raw(association, encode_pdu((COMMAND | LAST, encode_command(film))), *pdus)
    release(association)

    assert status == 0x0000
    assert listener.kept() == [(hashlib.sha256(content).hexdigest(), content)]


def test_command_and_dataset_in_one_pdu_and_an_empty_last_fragment(listener: Listener, film: Path) -> None:
    content = dataset_of(film)
    association = listener.associate(film)

    first = encode_pdu((COMMAND | LAST, encode_command(film)), (0, content[:5000]))
    status = send_raw(association, first, encode_pdu((0, content[5000:])), encode_pdu((LAST, b"")))
    release(association)

    assert status == 0x0000
    assert listener.kept() == [(hashlib.sha256(content).hexdigest(), content)]


def test_second_film_begins_in_the_pdu_that_ends_the_first(listener: Listener, tmp_path: Path) -> None:
    films = [small_film(tmp_path, number) for number in range(2)]
    contents = [dataset_of(film) for film in films]
    association = listener.associate(films[0])

    status = send_raw(
        association,
        encode_pdu((COMMAND | LAST, encode_command(films[0]))),
        encode_pdu((0, contents[0][:9000])),
        encode_pdu((LAST, contents[0][9000:]), (COMMAND | LAST, encode_command(films[1]))),
        encode_pdu((LAST, contents[1])),
    )
    second = receive_status(association)
    release(association)

    assert (status, second) == (0x0000, 0x0000)
    assert sorted(listener.kept()) == sorted(
        (hashlib.sha256(content).hexdigest(), content) for content in contents
    )


@pytest.mark.parametrize("length", [0, 1, 0x7FFFFFFF])
def test_impossible_fragment_length_ends_the_association_and_nothing_else(
    length: int, listener: Listener, film: Path
) -> None:
    content = dataset_of(film)
    hostile = listener.associate(film)
    transport: Any = hostile.dul.socket
    transport.socket.sendall(encode_pdu((COMMAND | LAST, encode_command(film))))
    value = struct.pack(">LBB", length, 1, 0) + content[:100]
    transport.socket.sendall(PDU_HEADER.pack(0x04, 0, len(value)) + value)
    wait_until(lambda: not hostile.is_established, 20, "the association has ended")

    sound = listener.associate(film)
    assert sound.send_c_store(film).Status == 0x0000
    sound.release()

    assert listener.kept() == [(hashlib.sha256(content).hexdigest(), content)]
    wait_until(lambda: not list(listener.spool.incoming.iterdir()), 20, "nothing half received is left")


def send_hostile(association: Association, pdus: Iterable[bytes]) -> None:
    """Send PDUs past pynetdicom until they are sent or the connection ends; it has to end."""
    transport: Any = association.dul.socket
    connection = transport.socket  # pynetdicom forgets it when the connection ends
    with contextlib.suppress(OSError):
        for pdu in pdus:
            connection.sendall(pdu)
    wait_until(lambda: not association.is_established, 20, "the association has ended")


def test_a_command_s_fragment_within_a_dataset_opens_no_way_past_the_limit(
    tmp_path: Path, sqlite_database: Database, film: Path
) -> None:
    listener = Listener(tmp_path, sqlite_database, maximum_dataset_bytes=1_000_000)
    association = listener.associate(film)
    piece = b"x" * 100_000
    hostile = encode_pdu((COMMAND, b""), (0, piece))

    send_hostile(association, [encode_pdu((COMMAND | LAST, encode_command(film))), *[hostile] * 40])

    wait_until(lambda: not list(listener.spool.incoming.iterdir()), 20, "its file is gone")
    listener.stop()
    assert listener.kept() == []


def test_messages_without_end_are_cut_off(listener: Listener, film: Path) -> None:
    fragment = encode_pdu((COMMAND, bytes(1_000_000)))
    send_hostile(listener.associate(film), [fragment] * 8)
    send_hostile(listener.associate(film), [PDU_HEADER.pack(0x04, 0, 0x7FFFFFFF), bytes(100)])
    assert listener.associate(film).send_c_store(film).Status == 0x0000


def test_who_waits_for_no_answer_is_cut_off(
    listener: Listener, sqlite_database: Database, film: Path
) -> None:
    content = dataset_of(film)
    request = [encode_pdu((COMMAND | LAST, encode_command(film))), encode_pdu((LAST, content))]
    with sqlite_database.write():  # so that the first is not answered
        send_hostile(listener.associate(film), request * (film_stream.MOST_REQUESTS + 4))
    wait_until(lambda: not list(listener.spool.incoming.iterdir()), 20, "nothing is left")


def test_a_dataset_for_which_there_is_no_room_is_not_written(
    tmp_path: Path, sqlite_database: Database, film: Path
) -> None:
    listener = Listener(tmp_path, sqlite_database, reserved_disk_bytes=10**18)
    association = listener.associate(film)
    association._reactor_checkpoint.clear()
    wait_until(lambda: association._is_paused, 10, "pynetdicom's reactor pauses")
    transport: Any = association.dul.socket
    transport.socket.sendall(encode_pdu((COMMAND | LAST, encode_command(film))))
    for piece in cut(dataset_of(film) * 32, 100_000):  # more than sockets hold: some of it has been read
        transport.socket.sendall(encode_pdu((0, piece)))

    def sizes() -> list[int]:
        return [path.stat().st_size for path in listener.spool.incoming.iterdir()]

    wait_until(lambda: sizes() == [0], 20, "what had come of it is given back before its end")
    assert send_raw(association, encode_pdu((LAST, b""))) == 0xA700
    release(association)
    listener.stop()
    assert listener.kept() == []


def test_free_space_is_looked_at_again_while_a_dataset_comes(tmp_path: Path) -> None:
    reserving = DatasetLimits(maximum_bytes=10**12, reserved_bytes=10**18)
    with (tmp_path / "film").open("wb") as file:
        for before, after in ((0, 1), (LOOK_EVERY_BYTES - 1, LOOK_EVERY_BYTES)):
            with pytest.raises(DiskNearlyFullError):
                reserving.check(file.fileno(), before, after)
        reserving.check(file.fileno(), 1, LOOK_EVERY_BYTES - 1)
        DatasetLimits(maximum_bytes=10**12, reserved_bytes=1).check(file.fileno(), 0, LOOK_EVERY_BYTES)
        with pytest.raises(TooLargeError):
            DatasetLimits(maximum_bytes=10, reserved_bytes=0).check(file.fileno(), 0, 11)


def test_sender_that_stops_in_the_middle_of_a_pdu_is_dropped(
    tmp_path: Path, sqlite_database: Database, film: Path
) -> None:
    listener = Listener(tmp_path, sqlite_database, network_timeout_s=0.5)
    stalled = listener.associate(film)
    transport: Any = stalled.dul.socket
    transport.socket.sendall(encode_pdu((COMMAND | LAST, encode_command(film))))
    transport.socket.sendall(PDU_HEADER.pack(0x04, 0, 50_000) + PDV_HEADER.pack(49_996, 1, 0) + b"begin")

    wait_until(lambda: not stalled.is_established, 20, "the association has ended")
    wait_until(lambda: not list(listener.spool.incoming.iterdir()), 20, "its file is gone")
    listener.stop()
    assert listener.kept() == []


def test_probes_and_aborts_leave_nothing_behind(listener: Listener, film: Path) -> None:
    process = psutil.Process()

    def disturb(times: int) -> None:
        for _ in range(times):
            socket.create_connection(("127.0.0.1", listener.port)).close()
            with socket.create_connection(("127.0.0.1", listener.port)) as garbage:
                garbage.sendall(b"GET / HTTP/1.1\r\n\r\n")
            association = listener.associate(film)
            transport: Any = association.dul.socket
            transport.socket.sendall(encode_pdu((COMMAND | LAST, encode_command(film))))
            transport.socket.sendall(encode_pdu((0, dataset_of(film)[:50_000])))
            association.abort()

    def is_holding() -> bool:
        return any("AcceptorThread" in thread.name for thread in threading.enumerate())

    def is_calm(threads: int, descriptors: int) -> bool:
        return threading.active_count() <= threads and process.num_fds() <= descriptors

    disturb(3)
    wait_until(lambda: not is_holding(), 30, "the first threads have ended")
    threads, descriptors = threading.active_count(), process.num_fds()
    disturb(25)

    wait_until(lambda: is_calm(threads + 1, descriptors + 2), 30, "threads and files are as before")
    assert not list(listener.spool.incoming.iterdir())
    assert listener.kept() == []
