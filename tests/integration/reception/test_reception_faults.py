"""A film answered with success is kept through a kill or a full disk."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pynetdicom import AE
from sqlalchemy import func, select

from db.database import Database
from db.settings import DatabaseSettings
from db.tables import Instance
from tests.films import dataset_offset, read, small_film
from tests.servers.gateway import gateway
from tests.servers.ports import free_port, wait_until


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """On the disk, not with the spool, which may be full."""
    database = Database.open(DatabaseSettings(url=f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"))
    yield database
    database.close()


def url_of(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tbscreen.sqlite3'}"


def send(port: int, films: list[Path]) -> dict[str, int | None]:
    """C-STORE films over one association; status by SOP Instance UID, None where no answer came."""
    header = read(films[0])
    ae = AE(ae_title="MODALITY")
    ae.add_requested_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)
    ae.dimse_timeout = ae.network_timeout = 5  # how long a killed gateway is waited for
    association = ae.associate("127.0.0.1", port, ae_title="TBSCREEN")
    statuses: dict[str, int | None] = {}
    for film in films:
        if not association.is_established:
            break
        answer = association.send_c_store(film)
        statuses[str(read(film).SOPInstanceUID)] = int(answer.Status) if "Status" in answer else None
    if association.is_established:
        association.release()
    return statuses


def count_rows(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Instance)) or 0


def check_kept(database: Database, spool: Path, uids: list[str]) -> None:
    """Every film has its row and, byte for byte as its row says, its file."""
    with database.read() as session:
        rows = session.execute(
            select(Instance.sop_instance_uid, Instance.spool_path, Instance.dataset_sha256)
        ).all()
    kept = {row.sop_instance_uid: row for row in rows}
    for uid in uids:
        path = spool / kept[uid].spool_path
        dataset = path.read_bytes()[dataset_offset(path) :]
        assert hashlib.sha256(dataset).hexdigest() == kept[uid].dataset_sha256


def test_film_that_was_answered_with_success_survives_a_kill(database: Database, tmp_path: Path) -> None:
    films = [small_film(tmp_path, number) for number in range(40)]
    data, port = tmp_path / "data", free_port()
    answered: dict[str, int | None] = {}
    with gateway(data, port, url_of(tmp_path)) as process:
        sender = threading.Thread(target=lambda: answered.update(send(port, films)))
        sender.start()
        wait_until(lambda: count_rows(database) >= 5, 60, "some films are kept")
        process.send_signal(signal.SIGKILL)
        sender.join(timeout=60)
        assert not sender.is_alive()

    taken = [uid for uid, status in answered.items() if status == 0x0000]
    assert 4 <= len(taken) < len(films), "the kill came in the middle"
    check_kept(database, data / "spool", taken)

    with gateway(data, port, url_of(tmp_path)):
        assert set(send(port, films).values()) == {0x0000}
    check_kept(database, data / "spool", [str(read(film).SOPInstanceUID) for film in films])
    assert not list((data / "spool" / "incoming").iterdir())


@pytest.mark.parametrize("listeners", ["1", "2"])
def test_a_gateway_that_is_told_to_end_is_gone_soon_whoever_is_connected(
    database: Database, tmp_path: Path, listeners: str
) -> None:
    films = [small_film(tmp_path, number) for number in range(60)]
    data, port = tmp_path / "data", free_port()
    header = read(films[0])
    ae = AE(ae_title="MODALITY")
    ae.add_requested_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)
    answered: dict[str, int | None] = {}
    changes = {"TBSCREEN_GATEWAY__LISTENER_PROCESSES": listeners}
    with gateway(data, port, url_of(tmp_path), changes) as process:
        idle = ae.associate("127.0.0.1", port, ae_title="TBSCREEN")
        assert idle.is_established
        sender = threading.Thread(target=lambda: answered.update(send(port, films)))
        sender.start()
        wait_until(lambda: count_rows(database) >= 5, 60, "some films are kept")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        wait_until(lambda: not idle.is_established, 10, "the idle association is aborted")
        sender.join(timeout=60)
        assert not sender.is_alive()
    check_kept(database, data / "spool", [uid for uid, status in answered.items() if status == 0x0000])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this user may not mount a small disk: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_full_disk_is_answered_with_out_of_resources_and_space_that_comes_back_is_used(
    database: Database, small_disk: Path, tmp_path: Path
) -> None:
    films = [small_film(tmp_path, number) for number in range(12)]  # half a megabyte each
    port = free_port()
    with gateway(small_disk, port, url_of(tmp_path)) as process:
        statuses = send(port, films)
        taken = [uid for uid, status in statuses.items() if status == 0x0000]
        assert 4 <= len(taken) < len(films)
        assert set(statuses.values()) == {0x0000, 0xA700}
        assert len(statuses) == len(films), "every film got its answer in the same association"
        check_kept(database, small_disk / "spool", taken)
        assert not list((small_disk / "spool" / "incoming").iterdir()), "no half film takes up space"

        with (small_disk / "filler").open("wb") as filler:
            filler.write(b"x" * shutil.disk_usage(small_disk).free)
        assert shutil.disk_usage(small_disk).free == 0
        assert set(send(port, films[-2:]).values()) == {0xA700}, "not even the file meta information fits"

        subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
        assert set(send(port, films).values()) == {0x0000}
        assert process.poll() is None
    check_kept(database, small_disk / "spool", list(statuses))
