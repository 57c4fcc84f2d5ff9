"""Peers that are down, refuse, are full, silent or die in the middle: at last each has each object once."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

from pydicom import dcmread

from db.database import Database
from tests.integration.delivery.couriers import courier, look, make_reports, peer
from tests.servers.pacs import storescp
from tests.servers.peers.commitment_scp import AE_TITLE, commitment_scp
from tests.servers.ports import free_port, wait_until

MISBEHAVIOUR = {
    "refusing": "--refuse",
    "aborting-after": "--abort-after",
    "aborting-during": "--abort-during",
}


def test_no_peer_holds_up_another_and_nothing_is_lost_or_doubled(
    sqlite_database: Database, tmp_path: Path
) -> None:
    names = ["down", "silent", "full", "dying", *MISBEHAVIOUR]
    ports = {name: free_port() for name in [*names, "good"]}
    # The good one comes last: whoever served them in turn would reach it only after the others' timeouts.
    uids = make_reports(sqlite_database, 3, [*names, "good"], tmp_path)
    titles = {name: AE_TITLE if name in ("full", "dying") else "STORESCP" for name in ports}
    peers = [peer(name, titles[name], port) for name, port in ports.items()]
    with ExitStack() as troubles, ExitStack() as running, ExitStack() as servers:
        silent = troubles.enter_context(socket.socket())
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        silent.bind(("127.0.0.1", ports["silent"]))
        silent.listen()
        for name, option in MISBEHAVIOUR.items():
            troubles.enter_context(storescp(tmp_path / name, ports[name], option))
        full = commitment_scp(tmp_path / "full", "--status", str(0xA700), port=ports["full"])
        full_archive = troubles.enter_context(full)
        hanging = commitment_scp(tmp_path / "dying", "--hang", port=ports["dying"])
        dying = troubles.enter_context(hanging)
        running.enter_context(courier(sqlite_database, peers))  # all are in trouble by now, each in its way
        good = servers.enter_context(storescp(tmp_path / "good", ports["good"]))

        wait_until(lambda: len(good.files()) == 3, 30, "the good peer has all three")
        for name in names:
            if name not in ("silent", "dying"):
                wait_until(lambda name=name: any(look(sqlite_database, name).errors), 30, f"{name}: told why")
        wait_until(  # between two refusals storescp does not listen for a moment
            lambda: "does it know AE title TBSCREEN" in str(look(sqlite_database, "refusing").errors),
            30,
            "the refusing peer is told apart",
        )
        wait_until(lambda: dying.requests("store") > 0, 30, "a transfer to the dying peer is on its way")
        dying.kill()
        wait_until(lambda: any(look(sqlite_database, "silent").errors), 30, "the silent peer is given up")
        for name in names:
            assert look(sqlite_database, name).states == ["pending"] * 3, name
        errors = {name: next(filter(None, look(sqlite_database, name).errors), "") for name in names}
        assert "nothing answers" in str(errors["down"])
        assert "0xA700: out of resources" in str(errors["full"])
        assert full_archive.files() == []

        troubles.close()
        for name in names:
            if titles[name] == AE_TITLE:
                servers.enter_context(commitment_scp(tmp_path / name, port=ports[name]))
            else:
                servers.enter_context(storescp(tmp_path / name, ports[name]))
        for name in names:
            wait_until(
                lambda name=name: look(sqlite_database, name).states == ["delivered"] * 3,
                60,
                f"{name}: delivered when it is well again",
            )
    for name in [*names, "good"]:
        held = [path for path in (tmp_path / name).iterdir() if path.name != "requests.txt"]
        assert sorted(str(dcmread(path).SOPInstanceUID) for path in held) == sorted(uids), name
