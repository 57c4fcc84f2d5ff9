"""One running installation with Orthanc, a storescp and a small PACS as peers, shared by the tests here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, _config

from db.worklist import worklist
from db.worklist.study_entries import FilmEntry, StudyEntry
from db.worklist.worklist_filter import WorklistFilter
from tbscreen.demo.trial import Trial, trial
from tbscreen.monitoring.monitoring_settings import PROCESSES
from tests.films import read
from tests.integration.retrieval.pulls import make_week
from tests.servers.pacs import Orthanc, StoreScp, orthanc, storescp
from tests.servers.ports import free_port, wait_until
from tests.servers.product import GRAPHS_TOML


@dataclass(frozen=True)
class Site:
    """An installation and the servers around it."""

    installation: Trial
    orthanc: Orthanc
    storescp: StoreScp

    @property
    def port(self) -> int:
        """The gateway's."""
        return self.installation.service.dicom_port

    def worklist_json(self) -> list[dict[str, Any]]:
        """Return what `tbscreen worklist --json` prints."""
        command = [sys.executable, "-m", "tbscreen", "worklist", "--json", "--limit", "1000"]
        environment = {**os.environ, "TBSCREEN_CONFIG": str(self.installation.directory / "tbscreen.toml")}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        studies: list[dict[str, Any]] = json.loads(done.stdout)["studies"]
        return studies

    def find_study(self, study_instance_uid: str) -> StudyEntry | None:
        """Return one study of the worklist."""
        with self.installation.database.read() as session:
            wanted = WorklistFilter(study_instance_uids=[study_instance_uid])
            found = worklist.find_page(session, wanted).studies
        return found[0] if found else None

    def wait_for_film(self, film: Dataset, state: str, timeout_s: float = 60) -> FilmEntry:
        """Wait until a film is in a state, and return it."""

        def look() -> FilmEntry | None:
            study = self.find_study(str(film.StudyInstanceUID))
            for entry in study.films if study is not None else []:
                if entry.sop_instance_uid == film.SOPInstanceUID and entry.state == state:
                    return entry
            return None

        wait_until(lambda: look() is not None, timeout_s, f"the film is {state}")
        entry = look()
        assert entry is not None
        return entry


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running site. Orthanc routes everything that it stores to the gateway."""
    folder = tmp_path_factory.mktemp("site")
    port = free_port()
    with (
        orthanc(folder / "orthanc", gateway_port=port) as pacs,
        storescp(folder / "storescp") as receiver,
        trial(
            gateway_port=port,
            top_level='log_level = "debug"',
            tables=pacs.peer_toml() + receiver.peer_toml() + monitoring_toml() + GRAPHS_TOML,
        ) as installation,
    ):
        yield Site(installation, pacs, receiver)


def monitoring_toml() -> str:
    """Return a table that gives each process a monitor on a free port."""
    return "\n[monitoring]\n" + "".join(f"{process}_port = {free_port()}\n" for process in PROCESSES)


def find_processes(installation: Trial, name: str) -> list[psutil.Process]:
    """Return this installation's processes of one kind, the supervised one first."""
    found = []
    for pid in installation.service.supervisor.pids():
        process = psutil.Process(pid)
        if name in process.cmdline():
            found += [process, *process.children(recursive=True)]
    return found


def store_raw(port: int, path: Path, ae_title: str = "TBSCREEN", calling: str = "MODALITY") -> int | None:
    """C-STORE a file's bytes as they are, sound or not; returns the status, None if none came."""
    _config.STORE_SEND_CHUNKED_DATASET = True
    from pydicom.filereader import read_file_meta_info

    meta = read_file_meta_info(path)
    ae = AE(ae_title=calling)
    ae.add_requested_context(meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", port, ae_title=ae_title)
    assert association.is_established, "the gateway does not take the association"
    try:
        answer = association.send_c_store(path)
        return int(answer.Status) if "Status" in answer else None
    finally:
        association.release()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A film for each day of a week, as a PACS holds them that is pulled from."""
    return make_week(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="module")
def uids(films: list[Path]) -> list[str]:
    """Their SOP Instance UIDs, sorted."""
    return sorted(str(read(film).SOPInstanceUID) for film in films)
