"""The course of a load run: films that were sent, and samples of the service."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from pydicom import dcmread
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.association import Association
from sqlalchemy import func, select

from db.counts import backlog
from db.tables import Screening
from dicom_gateway.association.pynetdicom_repairs.reactor_checkpoint import ReactorCheckpoint
from tbscreen.demo.trial import Trial

UID_BYTES = 60
NO_ANSWER = -1


@dataclass
class Sample:
    """The service at a moment. Memory is resident, bytes; processes with their children."""

    at_s: float
    offered: int
    taken: int
    screened: int
    in_spool: int
    in_broker: int
    memory: dict[str, int]


@dataclass
class Course:
    """The films sent in a run, and samples of the service."""

    installation: Trial
    source: Path
    folder: Path
    began: float = field(default_factory=time.monotonic)
    offered: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)
    samples: list[Sample] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write_film(self) -> tuple[Path, str]:
        """Write another film of the same kind; returns it and its SOP Instance UID."""
        number = next(self.numbers)
        content = self.source.read_bytes()
        header = dcmread(self.source, stop_before_pixels=True)
        new = ""
        for old in (header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID):
            new = (generate_uid(entropy_srcs=None) + "0" * UID_BYTES)[:UID_BYTES]
            content = content.replace(str(old).encode(), new.encode())
        path = self.folder / f"{number}.dcm"
        path.write_bytes(content[:-8] + number.to_bytes(8, "little"))
        return path, new

    def send(self, association: Association) -> str | None:
        """Send one film; returns its UID if it was answered with success."""
        path, uid = self.write_film()
        with self.lock:
            self.offered += 1
        answer = association.send_c_store(path)
        path.unlink()
        status = int(answer.Status) if "Status" in answer else NO_ANSWER
        with self.lock:
            self.statuses[status] += 1
            if status == 0x0000:
                self.taken.add(uid)
        return uid if status == 0x0000 else None

    def associate(self) -> Association:
        """Open an association for these films."""
        header = dcmread(self.source, stop_before_pixels=True)
        ae = AE(ae_title="MODALITY")
        ae.dimse_timeout = ae.network_timeout = 120
        ae.add_requested_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)
        service = self.installation.service
        association = ae.associate("127.0.0.1", service.dicom_port, ae_title=service.ae_title)
        assert association.is_established, "the gateway does not take the association"
        ReactorCheckpoint.install(association)
        return association

    def sample(self) -> Sample:
        """Take and keep a sample of the service."""
        with self.installation.database.read() as session:
            waiting = backlog.measure(session).films
            screened = session.scalar(select(func.count()).select_from(Screening)) or 0
        self.samples.append(
            Sample(
                round(time.monotonic() - self.began, 1),
                self.offered,
                len(self.taken),
                screened,
                waiting["received"].count,
                waiting["queued"].count,
                measure_memory(self.installation),
            )
        )
        return self.samples[-1]


def measure_memory(installation: Trial) -> dict[str, int]:
    """Return the resident bytes of each kind of process with its children."""
    memory: Counter[str] = Counter()
    for pid in installation.service.supervisor.pids():
        process = psutil.Process(pid)
        words = process.cmdline()
        name = next((kind for kind in ("gateway", "worker", "courier", "web") if kind in words), "redis")
        for child in [process, *process.children(recursive=True)]:
            memory[name] += child.memory_info().rss
    return dict(memory)
