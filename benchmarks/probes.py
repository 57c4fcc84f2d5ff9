"""Ten thousand port probes, strangers and aborted associations, each, against one gateway.

    python -m benchmarks.probes [--times 10000]

A probe connects and closes, as load balancers do. A stranger sends what is no DICOM. An aborted association
sends the first 50 kB of a film and is reset. Prints threads, file descriptors and resident memory of the
gateway as they go; the last line is one JSON object. Exit code 1 when the gateway did not come back to what
it held after the first tenth, or answers no C-ECHO any more.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from dicom_gateway.association.film_stream import COMMAND, LAST
from tbscreen.machine import describe_machine
from tests.films import dataset_offset, read, small_film
from tests.servers.gateway import gateway
from tests.servers.pacs import echo
from tests.servers.ports import free_port, wait_until
from tests.unit.dicom_gateway.raw_pdus import encode_command, encode_pdu

STEP = 500
"""Connections between two lines."""

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER by which a close is a reset."""

SETTLE_S = 60.0

CALM = 10
"""So many samples in a row without fewer threads than before mean that all have ended."""

ALLOWED_BYTES = 16 * 1024 * 1024
"""Growth of memory that is not a leak: 1.6 kB for each of 10,000 would be."""


@dataclass(frozen=True)
class Held:
    """Threads, descriptors and memory of the gateway process."""

    threads: int
    descriptors: int
    resident_bytes: int


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=10_000, help="how many of each")
    times = parser.parse_args().times
    print(describe_machine())
    with tempfile.TemporaryDirectory(prefix="tbscreen-probes-") as name:
        place = Path(name)
        url = f"sqlite:///{place / 'tbscreen.sqlite3'}"
        database = Database.open(DatabaseSettings(url=url))
        schema.upgrade(database)
        database.close()
        port = free_port()
        film = small_film(place)
        beginning = _begin_film(film)

        def probe() -> None:
            socket.create_connection(("127.0.0.1", port)).close()

        def strange() -> None:
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")

        def abort() -> None:
            with socket.create_connection(("127.0.0.1", port)) as sender:
                sender.sendall(_ask(film))
                assert sender.recv(1) == b"\x02", "the gateway does not take the association"
                sender.sendall(beginning)
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

        with gateway(place / "data", port, url) as process:
            began = time.monotonic()
            first, last = zip(
                *(
                    _disturb(process.pid, kind, act, times)
                    for kind, act in (("probes", probe), ("strangers", strange), ("aborts", abort))
                ),
                strict=True,
            )
            answers = echo(port, "TBSCREEN")
            left = len(list((place / "data" / "spool" / "incoming").iterdir()))
            seconds = time.monotonic() - began
    growth = max(
        after.resident_bytes - before.resident_bytes for before, after in zip(first, last, strict=True)
    )
    flat = all(
        after.threads <= before.threads + 1 and after.descriptors <= before.descriptors + 2
        for before, after in zip(first, last, strict=True)
    )
    print(
        json.dumps(
            {
                "times": times,
                "seconds": round(seconds, 1),
                "before": asdict(first[0]),
                "after": asdict(last[-1]),
                "growth_mib": round(growth / 2**20, 1),
                "files_left": left,
                "answers_echo": answers,
            }
        )
    )
    return 0 if flat and growth < ALLOWED_BYTES and answers and not left else 1


def _disturb(pid: int, kind: str, act: Callable[[], None], times: int) -> tuple[Held, Held]:
    """Do it so often; returns what the gateway held after the first tenth, and what it holds at the end."""
    held: dict[int, Held] = {}
    for number in range(1, times + 1):
        act()
        if number % STEP == 0 or number in (max(1, times // 10), times):
            shown = held[number] = _settle(pid)
            print(
                f"{kind} {number}: {shown.threads} threads, {shown.descriptors} descriptors, "
                f"{shown.resident_bytes / 2**20:.1f} MiB"
            )
    return held[max(1, times // 10)], held[times]


def _settle(pid: int) -> Held:
    """Return what the process holds once its associations have ended."""
    process = psutil.Process(pid)

    def is_calm() -> bool:
        return not any(
            connection.laddr and connection.raddr and connection.status == psutil.CONN_ESTABLISHED
            for connection in process.net_connections("tcp")
        )

    wait_until(is_calm, SETTLE_S, "all connections have ended")
    samples = [_hold(process)]
    while len(samples) < CALM:
        time.sleep(0.1)
        samples.append(_hold(process))
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline and any(
        sample.threads > samples[-1].threads for sample in samples[-CALM:-1]
    ):
        time.sleep(0.1)  # a thread ends a moment after its connection
        samples.append(_hold(process))
    return samples[-1]


def _hold(process: psutil.Process) -> Held:
    return Held(process.num_threads(), process.num_fds(), process.memory_info().rss)


def _ask(film: Path) -> bytes:
    """Return an association request (PS3.8 9.3.2) for a film's SOP class and transfer syntax."""
    header = read(film)
    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title, request.called_ae_title = "MODALITY", "TBSCREEN"
    length = MaximumLengthNotification()
    length.maximum_length_received = 131072
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3.4"
    request.user_information = [length, implementation]
    context = build_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)
    context.context_id = 1
    request.presentation_context_definition_list = [context]
    return bytes(A_ASSOCIATE_RQ(request).encode())


def _begin_film(film: Path) -> bytes:
    """Return a C-STORE request and the first 50 kB of its dataset."""
    dataset = film.read_bytes()[dataset_offset(film) :]
    return encode_pdu((COMMAND | LAST, encode_command(film))) + encode_pdu((0, dataset[:50_000]))


if __name__ == "__main__":
    sys.exit(main())
