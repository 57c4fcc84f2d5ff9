"""Only `configure_dicom_libraries` changes what pydicom, pynetdicom and tempfile do in a process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from pydicom import config
from pynetdicom import _config

from dicom_gateway.library_settings import configure_dicom_libraries
from tests.dicom_libraries import configured_to_receive, read_library_settings

PROGRAM = """
import importlib, pkgutil, sys
from pathlib import Path
import highdicom, pydicom, pynetdicom
from tests.dicom_libraries import read_library_settings

before = read_library_settings()
import dicom_gateway
modules = [module.name for module in pkgutil.walk_packages(dicom_gateway.__path__, "dicom_gateway.")]
for module in modules:
    importlib.import_module(module)
from db.database import Database
from db.settings import DatabaseSettings
from dicom_gateway.preparation.preparation_process import PreparationProcess
from dicom_gateway.query.query_settings import QuerySettings
from dicom_gateway.query.worklist_scp import WorklistScp
from dicom_gateway.reception.film_reception import FilmReception
from dicom_gateway.reception.storage_scp import StorageScp
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool

settings, spool = GatewaySettings(), Spool(Path(sys.argv[1]))
database = Database.open(DatabaseSettings(url=f"sqlite:///{sys.argv[1]}/empty.sqlite3"))
FilmReception(settings, database, spool, lambda: None)
StorageScp(settings, database, spool, lambda: None)
WorklistScp(QuerySettings(), database)
PreparationProcess(settings)
assert len(modules) > 50
assert read_library_settings() == before
from dicom_gateway.library_settings import configure_dicom_libraries
configure_dicom_libraries(spool.incoming)
assert read_library_settings() != before, "this test sees changes"
print("nothing changed")
"""


def test_neither_import_nor_construction_changes_what_the_libraries_do(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stdout == "nothing changed\n", run.stderr


def test_a_process_that_reads_ignores_malformed_values_and_receives_as_before() -> None:
    before = read_library_settings()
    configure_dicom_libraries()
    assert config.settings.reading_validation_mode == config.IGNORE
    after = read_library_settings()
    assert {name for name in after if after[name] != before[name]} <= {"warnings"}  # pytest forgets filters


def test_a_process_that_receives_writes_what_comes_into_its_folder(tmp_path: Path) -> None:
    before = read_library_settings()
    with configured_to_receive(tmp_path):
        assert tempfile.gettempdir() == str(tmp_path)
        assert _config.STORE_RECV_CHUNKED_DATASET
        assert not _config.LOG_REQUEST_IDENTIFIERS
        assert not _config.LOG_RESPONSE_IDENTIFIERS
    assert {**read_library_settings(), "warnings": None} == {**before, "warnings": None}
