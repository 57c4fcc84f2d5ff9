"""Files leave the spool when their films are done with, and not before."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from db.clock import now
from db.database import Database
from db.erasure import erased_files, erasures
from db.erasure.digests import Digests
from db.erasure.erasures import ErasureKind
from db.erasure.patient_data import PatientData
from db.films import films, receptions, spooled_files
from db.tables import Instance
from db.worklist import studies
from dicom_gateway.reception.retention import Retention
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from domain.codes import Refusal
from tests.unit import rows


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def receive(database: Database, spool: Spool, number: int) -> int:
    incoming = spool.incoming / f"{number}.dcm"
    incoming.write_bytes(bytes([number]) * 1000)
    file = spool.put(incoming, f"1.2.{number}", 0)
    film = receptions.ReceivedFilm(
        sop_instance_uid=f"1.2.{number}",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        dataset_sha256=file.dataset_sha256,
        series_instance_uid=None,
        calling_ae_title="MODALITY",
        gateway="here",
        spool_path=file.relative_path,
        byte_size=file.byte_size,
        requested_at=now(),
        study=studies.StudyHeader(study_instance_uid=f"1.3.{number}"),
    )
    with database.write() as session:
        return receptions.record_reception(session, film).instance_id


def refuse(database: Database, instance_id: int, hours_ago: float) -> None:
    with database.write() as session:
        assert films.refuse(session, instance_id, Refusal.NOT_CHEST, "")
        session.get_one(Instance, instance_id).state_changed_at = now() - timedelta(hours=hours_ago)


def files(spool: Spool) -> int:
    return sum(1 for path in spool.directory.rglob("*.dcm"))


def test_old_refused_films_leave_and_waiting_ones_stay(database: Database, spool: Spool) -> None:
    waiting, recent, old = (receive(database, spool, number) for number in (1, 2, 3))
    refuse(database, recent, hours_ago=1)
    refuse(database, old, hours_ago=100)
    retention = Retention(database, spool, GatewaySettings(name="here", spool_retention_hours=72))
    assert retention.sweep() == 1
    assert files(spool) == 2
    with database.read() as session:
        assert session.get_one(Instance, old).spool_path is None
        assert session.get_one(Instance, waiting).spool_path is not None
        assert session.get_one(Instance, recent).spool_path is not None
    assert retention.sweep() == 0


def test_files_of_an_erased_patient_go_unless_they_were_sent_again(database: Database, spool: Spool) -> None:
    films = [receive(database, spool, number) for number in range(1, 5)]
    with database.read() as session:
        paths = [str(session.get_one(Instance, film).spool_path) for film in films]
    with database.write() as session:
        data = PatientData(films=films[:3])
        erasures.erase(session, data, ErasureKind.PATIENT, Digests(b"k" * 32), "me@here", "asked for it")
    os.utime(spool.path(paths[2]), (time.time() + 60, time.time() + 60))  # as if it had been sent again
    retention = Retention(database, spool, GatewaySettings(name="here"), batch=2)
    assert retention.sweep_erased() == 2
    assert set(spool.list_files()) == set(paths[2:])
    assert retention.sweep_erased() == 0
    with database.read() as session:
        assert erased_files.count(session) == 0


def test_more_than_one_batch_leaves_at_once(database: Database, spool: Spool) -> None:
    for number in range(1, 8):
        refuse(database, receive(database, spool, number), hours_ago=100 if number < 6 else 1)
    retention = Retention(database, spool, GatewaySettings(name="here", spool_retention_hours=72), batch=2)
    assert retention.sweep_all() == 5
    assert files(spool) == 2


def test_a_spool_beyond_its_size_gives_up_the_oldest_that_are_done(database: Database, spool: Spool) -> None:
    instances = [receive(database, spool, number) for number in range(1, 6)]
    for age, instance_id in enumerate(instances[1:], start=1):
        refuse(database, instance_id, hours_ago=age)
    settings = GatewaySettings(name="here", spool_retention_hours=72, spool_maximum_bytes=3000)
    assert Retention(database, spool, settings).sweep() == 2
    with database.read() as session:
        gone = [instance for instance in instances if session.get_one(Instance, instance).spool_path is None]
        assert spooled_files.count_spooled_bytes(session, "here") == 3000
    assert sorted(gone) == [instances[3], instances[4]]


def test_another_gateways_files_are_not_touched(database: Database, spool: Spool) -> None:
    refuse(database, receive(database, spool, 1), hours_ago=1000)
    assert Retention(database, spool, GatewaySettings(name="elsewhere")).sweep() == 0
    assert files(spool) == 1


def test_a_film_that_comes_again_after_its_file_left_is_known_and_not_kept(
    database: Database, spool: Spool
) -> None:
    instance_id = receive(database, spool, 1)
    refuse(database, instance_id, hours_ago=100)
    Retention(database, spool, GatewaySettings(name="here")).sweep()
    with database.read() as session:
        instance = session.get_one(Instance, instance_id)
        known = receptions.find_revision(session, instance.sop_instance_uid, instance.dataset_sha256, "here")
    assert known == receptions.Reception(instance_id, 1, new=False, file_wanted=False)


def test_a_file_that_no_row_names_leaves_in_the_end(database: Database, spool: Spool) -> None:
    receive(database, spool, 1)
    for number, age_s in ((2, 73 * 3600), (3, 71 * 3600)):
        incoming = spool.incoming / f"{number}.dcm"
        incoming.write_bytes(b"stray")
        os.utime(incoming, (time.time() - age_s, time.time() - age_s))
        spool.put(incoming, f"1.2.{number}", 0)
    unfinished = spool.incoming / "unfinished.dcm"
    unfinished.write_bytes(b"half")
    os.utime(unfinished, (0, 0))
    for path in spool.directory.glob("??/*.dcm"):
        if path.stat().st_size == 1000:
            os.utime(path, (0, 0))  # old, and named by a row
    # The host was renamed meanwhile: what its rows name is no stray for that.
    settings = GatewaySettings(name="renamed", spool_retention_hours=72)
    retention = Retention(database, spool, settings)
    assert retention.sweep_strays() == 1, "the unfinished one"
    assert not unfinished.exists()
    assert files(spool) == 3, "what is no stray for long may get its row yet"
    assert retention.sweep_strays() == 1
    assert files(spool) == 2


def test_a_file_that_gets_its_row_after_a_sweep_is_kept(database: Database, spool: Spool) -> None:
    incoming = spool.incoming / "1.dcm"
    incoming.write_bytes(b"kept, not committed")
    os.utime(incoming, (0, 0))  # as it looks when the clock has jumped
    kept = spool.put(incoming, "1.2.1", 0)
    retention = Retention(database, spool, GatewaySettings(name="here"))
    assert retention.sweep_strays() == 0
    rows.receive(database, "1.2.1", gateway="here", spool_path=kept.relative_path)
    assert retention.sweep_strays() == 0
    assert files(spool) == 1
