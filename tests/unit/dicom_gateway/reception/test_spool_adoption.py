"""Films in the spool that the database does not know are received from their files, as they were at first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from sqlalchemy import delete, select

from db.database import Database
from db.tables import Instance, Study
from dicom_gateway.dataset_header import read_header
from dicom_gateway.reception.retention import Retention
from dicom_gateway.reception.spool_adoption import SpoolAdoption
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from tests.films import dataset_offset, small_film
from tests.integration.conftest import store_raw
from tests.integration.listening import gateway
from tests.servers.ports import free_port
from tests.unit import rows

OF_THE_MOMENT = {"id", "study_id", "requested_at", "received_at", "due_at", "state_changed_at"}


def read_instances(database: Database) -> list[dict[str, Any]]:
    with database.read() as session:
        found = session.scalars(select(Instance).order_by(Instance.revision)).all()
        return [
            {name: value for name, value in vars(row).items() if name[0] != "_" and name not in OF_THE_MOMENT}
            for row in found
        ]


def forget(database: Database) -> None:
    """As a database that was restored from a backup of before."""
    with database.write() as session:
        session.execute(delete(Instance))
        session.execute(delete(Study))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def test_a_film_and_its_correction_are_received_again_as_they_were(
    sqlite_database: Database, folder: Path, tmp_path: Path
) -> None:
    first = small_film(tmp_path)
    corrected = dcmread(first)
    corrected.PatientName = "Corrected^Name"
    second = tmp_path / "second.dcm"
    corrected.save_as(second)
    port = free_port()
    with gateway(sqlite_database, folder, port, urgent_calling_ae_titles=("URGENT*",)):
        for path in (first, second):
            assert store_raw(port, path, calling="URGENT_ROOM") == 0x0000
    before = read_instances(sqlite_database)
    assert [(row["revision"], row["urgent"], row["calling_ae_title"]) for row in before] == [
        (1, True, "URGENT_ROOM"),
        (2, True, "URGENT_ROOM"),
    ]
    forget(sqlite_database)
    name = before[0]["gateway"]
    settings = GatewaySettings(name=name, urgent_calling_ae_titles=("URGENT*",))
    spool = Spool(folder)
    retention = Retention(sqlite_database, spool, settings, list(spool.list_files()))
    assert retention.take_up_left_behind() == 2
    assert read_instances(sqlite_database) == before
    assert retention.take_up_left_behind() == 0


def test_a_gateway_that_runs_on_takes_up_what_its_database_does_not_know_any_more(
    sqlite_database: Database, folder: Path, tmp_path: Path
) -> None:
    """It was cut off while the database was restored, and nobody started it again."""
    spool = Spool(folder)
    film = small_film(tmp_path)
    incoming = spool.incoming / "film.dcm"
    incoming.write_bytes(film.read_bytes())
    spool.put(incoming, str(dcmread(film).SOPInstanceUID), dataset_offset(film))
    retention = Retention(sqlite_database, spool, GatewaySettings(name="here", spool_retention_hours=0))
    assert retention.sweep_strays() == 0
    assert read_instances(sqlite_database) == [], "a reception may be at it"
    os.utime(spool.path(next(spool.list_files())), (0, 0))
    assert retention.sweep_strays() == 0
    assert read_instances(sqlite_database) == [], "a clock may have jumped"
    assert retention.sweep_strays() == 0, "not deleted, however old it is"
    (taken_up,) = read_instances(sqlite_database)
    assert (taken_up["state"], taken_up["gateway"]) == ("received", "here")


def test_what_is_no_film_or_not_this_one_or_known_elsewhere_is_not_taken_up(
    sqlite_database: Database, folder: Path, tmp_path: Path
) -> None:
    spool, settings = Spool(folder), GatewaySettings(name="here")
    film = small_film(tmp_path)
    uid = str(dcmread(film).SOPInstanceUID)

    def keep(name: str, content: bytes, filed_as: str) -> str:
        incoming = spool.incoming / name
        incoming.write_bytes(content)
        return spool.put(incoming, filed_as, 0).relative_path

    stray = keep("stray", b"no dataset", "1.2.3")
    misfiled = keep("misfiled", film.read_bytes(), "1.2.4")
    adoption = SpoolAdoption(sqlite_database, spool, settings)
    assert adoption.find_unknown([stray, misfiled, "00/gone.dcm"]) == [stray, misfiled, "00/gone.dcm"]
    assert adoption.adopt([stray, misfiled, "00/gone.dcm"]) == 0
    assert spool.path(stray).exists()
    assert spool.path(misfiled).exists(), "nothing is deleted that nobody knows"

    twin = keep("twin", film.read_bytes(), uid)
    offset = read_header(spool.path(twin)).dataset_offset
    sha256 = spool.describe(twin, offset).dataset_sha256
    rows.receive(sqlite_database, uid, gateway="elsewhere", spool_path="00/x.dcm", dataset_sha256=sha256)
    assert adoption.find_unknown([twin]) == [twin]
    assert adoption.adopt([twin]) == 0
    assert not spool.path(twin).exists(), "another gateway holds it"
