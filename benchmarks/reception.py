"""Forty full-size films by DCMTK's storescu to the gateway, DCMTK's storescp and Orthanc; and by STOW-RS.

    python -m benchmarks.reception [--films 40] [--rounds 5] [--associations 1 4]

The three take turns in each round, on the same machine and disk. The gateway is the process that ships:
each film is on disk by fsync and committed to SQLite (`synchronous=FULL`) before it is answered. No broker
is there, so that its films wait in the spool and reception is measured alone; the peers store, as they do by
default, and nothing else. The same gateway also gets such films by STOW-RS, one in each request of a kept
connection of Python's http.client (`stow`). Each round sends the same pixels under new UIDs. Times are those
of storescu, which ends when its last film is answered. Two parts of it take turns with them: `disk` writes
these bytes to this disk, as many files at a time as there are associations, each with its fsync; `sender` is
storescu against a storescp that stores nothing (`--ignore`). The last line is one JSON object: median seconds
of one association, peer seconds / gateway seconds, and gateway seconds / seconds of each part (below 1 where
storescp reads more slowly than the gateway).
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from pydicom.uid import generate_uid

from benchmarks.inputs.full_size_films import make_films
from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from tbscreen.machine import describe_machine
from tests.servers.gateway import gateway
from tests.servers.pacs import need, orthanc, storescp
from tests.servers.peers.stow_requests import CONTENT_TYPE, STUDIES, encode_body, make_token
from tests.servers.ports import free_port

UID_BYTES = 60
"""Length of all UIDs here: a file gets a new one by writing over the old one."""


def make_round(sources: Sequence[Path], folder: Path) -> list[Path]:
    """Copy films under new UIDs of the same length."""
    folder.mkdir()
    made = []
    for source in sources:
        content = bytearray(source.read_bytes())
        end = len(content) // 8  # UIDs stand in the header, long before the pixels
        for old in _list_uids(source):
            new = (generate_uid(entropy_srcs=None) + "0" * UID_BYTES)[:UID_BYTES].encode()
            head = bytes(content[:end]).replace(old, new)
            content[:end] = head
        target = folder / source.name
        target.write_bytes(content)
        made.append(target)
    return made


def _list_uids(path: Path) -> list[bytes]:
    from pydicom import dcmread

    film = dcmread(path, stop_before_pixels=True)
    uids = [film.SOPInstanceUID, film.StudyInstanceUID, film.SeriesInstanceUID]
    assert all(len(uid) == UID_BYTES for uid in uids)
    return [str(uid).encode() for uid in uids]


def send(films: Sequence[Path], port: int, ae_title: str, associations: int) -> float:
    """Send films by so many storescu at once; returns seconds.

    Raises:
        SystemExit: when a film was not taken.
    """
    program = need("storescu", "dcmtk")
    shares = [films[number::associations] for number in range(associations)]
    began = time.monotonic()
    processes = [
        subprocess.Popen(
            [program, "--max-send-pdu", "131072", "-aec", ae_title, "127.0.0.1", str(port), *map(str, share)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for share in shares
        if share
    ]
    said = [process.communicate()[0] for process in processes]
    seconds = time.monotonic() - began
    if any(process.returncode for process in processes):
        raise SystemExit(f"{ae_title} did not take all films: {' '.join(said)[-400:]}")
    return seconds


def write_synced(films: Sequence[Path], folder: Path, threads: int) -> float:
    """Write the bytes of films to new files, so many at a time, each with its fsync; returns seconds."""
    folder.mkdir()
    contents = [film.read_bytes() for film in films]

    def write(number: int) -> None:
        with (folder / str(number)).open("wb", buffering=0) as file:
            file.write(contents[number])
            os.fsync(file.fileno())

    began = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, range(len(films))))
    seconds = time.monotonic() - began
    remove(folder)
    return seconds


def send_by_web(films: Sequence[Path], port: int, token: str, connections: int) -> float:
    """Send films by STOW-RS over so many connections at once; returns seconds."""
    bodies = {film: encode_body([film]) for film in films}

    def send_share(share: Sequence[Path]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        headers = {"Content-Type": CONTENT_TYPE, "Authorization": f"Bearer {token}"}
        for film in share:
            connection.request("POST", STUDIES, bodies[film], headers)
            response = connection.getresponse()
            said = response.read()
            if response.status != 200:
                raise SystemExit(f"the gateway did not take a film: {response.status} {said[:400]!r}")
        connection.close()

    began = time.monotonic()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(send_share, [films[number::connections] for number in range(connections)]))
    return time.monotonic() - began


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--associations", type=int, nargs="+", default=[1, 4])
    options = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory(prefix="tbscreen-reception-") as name, ExitStack() as stack:
        place = Path(name)
        sources = make_films(place / "films", options.films, uid_length=UID_BYTES)
        size = sources[0].stat().st_size / 1e6
        print(
            f"{len(sources)} films of {size:.1f} MB; storescu --max-send-pdu 131072; {options.rounds} rounds"
        )
        url = f"sqlite:///{place / 'tbscreen.sqlite3'}"
        database = Database.open(DatabaseSettings(url=url))
        schema.upgrade(database)
        token = make_token(database)
        database.close()
        ports = {"gateway": free_port(), "stow": free_port()}
        changes = {"TBSCREEN_GATEWAY__DICOMWEB__PORT": str(ports["stow"])}
        stack.enter_context(gateway(place / "data", ports["gateway"], url, changes))
        ports["dcmtk"] = stack.enter_context(storescp(place / "storescp")).port
        ports["orthanc"] = stack.enter_context(orthanc(place / "orthanc")).dicom_port
        ports["sender"] = stack.enter_context(storescp(place / "ignored", None, "--ignore")).port
        medians = {
            associations: measure(sources, place, ports, token, associations, options.rounds)
            for associations in options.associations
        }
    print_result(medians)


def measure(
    sources: Sequence[Path], place: Path, ports: dict[str, int], token: str, associations: int, rounds: int
) -> dict[str, float]:
    """Return the median seconds of each receiver, of the disk and of the sender."""
    titles = {"gateway": "TBSCREEN", "dcmtk": "STORESCP", "orthanc": "ORTHANC", "sender": "STORESCP"}
    seconds: dict[str, list[float]] = {receiver: [] for receiver in (*ports, "disk")}
    for number in range(rounds):
        folder = place / f"round-{associations}-{number}"
        films = make_round(sources, folder)
        other_films = make_round(sources, folder.with_suffix(".stow"))
        os.sync()
        for receiver, port in ports.items():
            if receiver == "stow":
                seconds[receiver].append(send_by_web(other_films, port, token, associations))
            else:
                seconds[receiver].append(send(films, port, titles[receiver], associations))
        seconds["disk"].append(write_synced(films, place / "synced", associations))
        remove(folder)
        remove(folder.with_suffix(".stow"))
    for receiver, taken in seconds.items():
        shown = ", ".join(f"{seconds:.2f}" for seconds in taken)
        print(f"{associations} association(s), {receiver}: {statistics.median(taken):.2f} s ({shown})")
    return {receiver: statistics.median(taken) for receiver, taken in seconds.items()}


def remove(folder: Path) -> None:
    """Delete a round's films."""
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def describe(taken: dict[str, float]) -> dict[str, float]:
    """Return median seconds and their ratios."""
    return {
        "gateway_s": round(taken["gateway"], 3),
        "stow_s": round(taken["stow"], 3),
        "dcmtk_s": round(taken["dcmtk"], 3),
        "orthanc_s": round(taken["orthanc"], 3),
        "disk_s": round(taken["disk"], 3),
        "sender_s": round(taken["sender"], 3),
        "ratio_vs_dcmtk": round(taken["dcmtk"] / taken["gateway"], 2),
        "ratio_vs_orthanc": round(taken["orthanc"] / taken["gateway"], 2),
        "over_disk": round(taken["gateway"] / taken["disk"], 2),
        "over_sender": round(taken["gateway"] / taken["sender"], 2),
    }


def print_result(medians: dict[int, dict[str, float]]) -> None:
    """Print the JSON line."""
    first, *others = medians
    result = describe(medians[first])
    print(
        json.dumps(result | {"associations": {str(number): describe(medians[number]) for number in others}})
    )


if __name__ == "__main__":
    main()
