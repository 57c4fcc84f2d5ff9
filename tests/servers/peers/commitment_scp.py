"""A storage and storage commitment SCP that behaves as it is told, as a process that can be killed.

`python -m tests.servers.peers.commitment_scp PORT FOLDER [--answer HOW] [--status STATUS] [--hang]
[--transaction UID]` keeps each object as one file in FOLDER and writes a line into FOLDER/requests.txt for
each C-STORE and N-ACTION, before it answers.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.pdu import P_DATA_TF

from tests import checkout
from tests.servers.pacs import echo, peer_toml
from tests.servers.ports import free_port, wait_until

AE_TITLE = "ARCHIVE"
COMMITMENT = "1.2.840.10008.1.20.1"
INSTANCE = "1.2.840.10008.1.20.1.1"
ANSWERS = ("same", "failed", "first_failed", "never", "refused")
"""Reports on the same association; says always, or in its first report, that it has nothing; never reports;
answers the request itself with 0x0122."""


@dataclass(frozen=True)
class CommitmentScp:
    """A running one."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def files(self) -> list[Path]:
        """Return the objects that it holds."""
        return sorted(self.folder.glob("*.dcm"))

    def requests(self, kind: str) -> int:
        """Return the number of requests of a kind ("store", "action", "report")."""
        log = self.folder / "requests.txt"
        return log.read_text().splitlines().count(kind) if log.exists() else 0

    def peer_toml(self) -> str:
        """Return this SCP as a `[[peers]]` table."""
        return peer_toml("archive", AE_TITLE, self.port)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.wait(timeout=30)


@contextmanager
def commitment_scp(folder: Path, *arguments: str, port: int | None = None) -> Iterator[CommitmentScp]:
    """Run one inside the block."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command = [sys.executable, "-m", __name__, str(port), str(folder), *arguments]
    process = subprocess.Popen(command, cwd=checkout.ROOT)
    try:
        wait_until(lambda: echo(port, AE_TITLE), 30, "the commitment SCP answers C-ECHO")
        yield CommitmentScp(port, folder, process)
    finally:
        process.kill()
        process.wait(timeout=30)


class _Archive:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._reports = 0
        self._asked: dict[Any, Dataset] = {}
        self._lock = threading.Lock()

    def store(self, event: evt.Event) -> int:
        self._note("store")
        if self._options.hang:
            threading.Event().wait()
        if self._options.status:
            return int(self._options.status)
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        name = str(dataset.SOPInstanceUID).replace(".", "-")
        dataset.save_as(Path(self._options.folder) / f"{name}.dcm", enforce_file_format=True)
        return 0x0000

    def commit(self, event: evt.Event) -> tuple[int, None]:
        self._note("action")
        if self._options.answer == "refused":
            return 0x0122, None
        if self._options.answer != "never":
            self._asked[event.assoc] = event.action_information
        return 0x0000, None

    def sent(self, event: evt.Event) -> None:
        """The next P-DATA after a request is its response: now, and not before it, the report may go."""
        asked = self._asked.pop(event.assoc, None) if isinstance(event.pdu, P_DATA_TF) else None
        if asked is not None:
            threading.Thread(target=self._report, args=(event.assoc, asked), daemon=True).start()

    def _report(self, association: Any, asked: Dataset) -> None:
        with self._lock:
            self._reports += 1
            failed = self._options.answer == "failed" or (
                self._options.answer == "first_failed" and self._reports == 1
            )
        report = Dataset()
        report.TransactionUID = self._options.transaction or asked.TransactionUID
        if failed:
            for item in asked.ReferencedSOPSequence:
                item.FailureReason = 0x0112
            report.FailedSOPSequence = asked.ReferencedSOPSequence
        else:
            report.ReferencedSOPSequence = asked.ReferencedSOPSequence
        status, _ = association.send_n_event_report(report, 2 if failed else 1, COMMITMENT, INSTANCE)
        if status.get("Status") == 0x0000:
            self._note("report")
        else:
            self._note("refused")

    def _note(self, kind: str) -> None:
        with self._lock, (Path(self._options.folder) / "requests.txt").open("a") as log:
            log.write(f"{kind}\n")


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("folder")
    parser.add_argument("--answer", choices=ANSWERS, default="same")
    parser.add_argument("--status", type=int, default=0)
    parser.add_argument("--hang", action="store_true")
    parser.add_argument("--transaction", default="", help="report on this request instead")
    archive = _Archive(parser.parse_args())
    ae = AE(ae_title=AE_TITLE)
    ae.add_supported_context("1.2.840.10008.1.1")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.1")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.88.34")
    ae.add_supported_context(COMMITMENT)
    handlers: list[Any] = [(evt.EVT_C_STORE, archive.store), (evt.EVT_N_ACTION, archive.commit)]
    handlers.append((evt.EVT_PDU_SENT, archive.sent))
    ae.start_server(("127.0.0.1", archive._options.port), block=True, evt_handlers=handlers)


if __name__ == "__main__":
    _main()
