"""A backup holds everything, is whole or none, and comes back whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from db import schema
from db.backup.table_rows import Row, list_tables, read_rows
from db.bacteriology import results
from db.bacteriology.results import NewResult
from db.clock import now
from db.database import Database
from db.films.films import refuse
from db.hl7 import hl7_messages
from db.hl7.hl7_messages import StoredMessage
from db.models import admissions, bundles, site_keys
from db.notices import notice_events, notice_outbox
from db.settings import DatabaseSettings
from db.tables import (
    Backup,
    Delivery,
    Hl7Message,
    Hl7OutboxEntry,
    Instance,
    NoticeRow,
    OutboxEntry,
    RefusalOutboxEntry,
    Study,
)
from domain.bacteriology import Method, Outcome
from domain.bundle.seal import Signature
from domain.codes import GoldenOrigin, Refusal, Trust
from domain.errors import PermanentError, TransientError
from tbscreen.backup import creation, erasure_register
from tbscreen.backup.backup_file import BackupFile
from tbscreen.backup.creation import back_up
from tbscreen.backup.restoration import restore
from tbscreen.doctor.check import Check, Health
from tbscreen.doctor.examination import examine
from tbscreen.models.default_bundle import DEFAULT_BUNDLE, register_bundle
from tbscreen.monitoring.database_metrics import DatabaseMetrics
from tbscreen.settings import Settings, load_settings
from tests import checkout
from tests.servers.ports import wait_until
from tests.unit import rows

FILMS = 3
KILLED = """
import os, signal, sys
from pathlib import Path
from tbscreen.backup.restoration import restore
from tbscreen.settings import load_settings

def die_half_way(step, done, total):
    if step == "restoring" and done > total / 2:
        os.kill(os.getpid(), signal.SIGKILL)

settings = load_settings(database_url=sys.argv[1], data_directory=Path(sys.argv[2]))
restore(settings, Path(sys.argv[3]), replace=True, progress=die_half_way)
"""
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def settings_for(url: str, folder: Path) -> Settings:
    return load_settings(database_url=url, data_directory=folder / "data")


def fill(database: Database) -> None:
    """Write films in every state, a bundle in chunks, a user who is logged in."""
    rows.register_model(database, films="film,score\n")
    for number in range(FILMS):
        rows.screen(database, rows.receive_and_queue(database, f"1.2.{number}", study=f"1.3.{number}"))
    rows.report(database, ["pacs"])
    rows.screen(database, rows.receive_and_queue(database, "1.2.8", study="1.3.8"))  # in the outbox
    rows.receive_and_queue(database, "1.2.9", study="1.3.9")
    refused = rows.receive(database, "1.2.10", study="1.3.10").instance_id
    signature = Signature(public_key="ab" * 32, signature="cd" * 64, signed_at=EPOCH)
    with database.write() as session:
        admissions.keep_golden_scores(session, rows.DIGEST, [0.1, 1 / 3], GoldenOrigin.SEAL)
        admissions.trust(session, rows.DIGEST, Trust.REASON, "me@here", "ours")
        admissions.keep_signature(session, rows.DIGEST, signature)
        site_keys.trust(session, signature.public_key, "training host", "me@here", "ours")
        hl7_messages.store(
            session,
            StoredMessage("CONTROL1", "ris", 1, 1, "FILLER1", "result", "ab" * 10, b"MSH|^~\\&|\r"),
        )
        (event, *_) = notice_events.take_untold(session, 1)
        notice_outbox.store(session, event.event_id, "ops", {"id": "1", "summary": "ü"})
        result = NewResult(Method.ULTRA, Outcome.TRACE, "20261103", patient_id="P1", specimen_id="S1")
        results.record(session, [result], "lab@host")
        results.record(session, [replace(result, outcome=Outcome.NEGATIVE)], "lab@host")
        assert refuse(session, refused, Refusal.NOT_CHEST, "a hand: \x1f ' \" \\ \t\n ü 放射線")


def read_everything(database: Database) -> dict[str, list[Row]]:
    with database.read(frozen=True) as session:
        connection = session.connection()
        return {
            table.name: sorted(read_rows(connection, table), key=repr)
            for table in list_tables(schema.reflect(schema.newest_revision()))
        }


def without_due_times(database: Database) -> dict[str, list[Row]]:
    """The same without what a restore changes: when a row that waits is looked at next."""
    with database.write() as session:
        outboxes = (Hl7OutboxEntry, OutboxEntry, RefusalOutboxEntry)
        for table in (Delivery, Hl7Message, NoticeRow, *outboxes, Instance):
            session.execute(update(table).values(due_at=EPOCH))
    return read_everything(database)


@pytest.fixture
def other_url(request: pytest.FixtureRequest, database_url: str) -> str:
    """An empty database of the other kind."""
    kind = "postgresql" if database_url.startswith("sqlite") else "sqlite"
    return str(request.getfixturevalue(f"empty_{kind}_url"))


@pytest.fixture
def filled(database: Database) -> Database:
    fill(database)
    return database


@pytest.fixture
def backup(filled: Database, database_url: str, tmp_path: Path) -> Path:
    path = back_up(settings_for(database_url, tmp_path), tmp_path / "one.backup").path
    filled.close()
    return path


def test_everything_comes_back_into_either_kind_of_database(
    filled: Database, database_url: str, backup: Path, other_url: str, tmp_path: Path
) -> None:
    before = read_everything(filled)
    assert {name for name, content in before.items() if content} >= {
        "studies", "instances", "renditions", "screenings", "bundle_chunks", "report_objects", "deliveries",
        "outbox", "refusal_outbox", "hl7_outbox", "hl7_messages", "bundle_admissions",
        "bundle_signatures", "site_keys", "bacteriology_results", "notice_events", "notices",
    }  # fmt: skip
    undated = without_due_times(filled)
    filled.close()
    restored = restore(settings_for(other_url, tmp_path / "other"), backup)
    assert restored.manifest.films == {"queued": 1, "refused": 1, "screened": FILMS + 1}
    other = Database.open(DatabaseSettings(url=other_url))
    try:
        with other.read() as session:
            leased = [
                session.scalar(select(func.max(Delivery.due_at))),
                session.scalar(select(func.max(OutboxEntry.due_at))),
                session.scalar(select(func.max(Instance.due_at)).where(Instance.state == "queued")),
            ]
        assert all(due_at is not None and due_at <= now() for due_at in leased)
        assert without_due_times(other) == undated
        # And it works: the next numbers are free, and worklist order is computed.
        rows.screen(other, rows.receive_and_queue(other, "1.2.99", study="1.3.99"))
        with other.read() as session:
            assert session.scalar(select(func.count()).where(Study.place.is_(None))) == 0
    finally:
        other.close()
    with filled.write() as session:
        session.execute(text("DELETE FROM renditions"))
    filled.close()
    restore(settings_for(database_url, tmp_path), backup, replace=True)
    assert without_due_times(filled) == undated


def test_a_backup_is_one_state_of_a_database_that_others_write_to(
    filled: Database, database_url: str, tmp_path: Path
) -> None:
    """A film's row and its study's are one transaction: a backup never has one without the other."""
    ending, failed = threading.Event(), []

    def write() -> None:
        number = 0
        while not ending.is_set():
            try:
                rows.receive(filled, f"1.9.{number}", study=f"1.8.{number}")
            except Exception as error:  # noqa: BLE001  told by the test
                failed.append(error)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = [back_up(settings_for(database_url, tmp_path), tmp_path / f"{n}.backup") for n in range(3)]
    finally:
        ending.set()
        writer.join()
    assert not failed
    for written in taken:
        with BackupFile(written.path) as opened:
            studies = {
                row[opened.manifest.tables["studies"].columns.index("id")]
                for row in opened.read_table("studies")
            }
            at = opened.manifest.tables["instances"].columns.index("study_id")
            assert {row[at] for row in opened.read_table("instances")} == studies
    counts = [written.manifest.tables["instances"].rows for written in taken]
    assert counts == sorted(counts)


def test_a_damaged_backup_is_refused_before_anything_is_touched(
    filled: Database, database_url: str, backup: Path, tmp_path: Path
) -> None:
    before = read_everything(filled)
    filled.close()
    whole = backup.read_bytes()
    settings = settings_for(database_url, tmp_path)
    damages = {
        "half": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"this is no backup",
        "one byte": _flip(whole, whole.index(b"a rendition")),
        "another row": whole.replace(b"a rendition", b"a rEndition", 1),
    }
    for name, content in damages.items():
        damaged = tmp_path / f"{name}.backup"
        damaged.write_bytes(content)
        with pytest.raises(PermanentError, match=rf"{name}\.backup(?!.*newer)"):
            restore(settings, damaged, replace=True)
    assert read_everything(filled) == before


def test_an_archive_that_was_made_to_do_harm_is_refused(backup: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.backup"
    for name, content in {
        "../../outside": b"x",
        "/etc/cron.d/x": b"x",
        "manifest.json": b" " * 40_000_000,
        "tables/instances.msgpack": b"\xc0" * 40_000_000,
    }.items():
        with zipfile.ZipFile(backup) as whole, zipfile.ZipFile(hostile, "w", zipfile.ZIP_DEFLATED) as made:
            for member in whole.namelist():
                if member != name:
                    made.writestr(member, whole.read(member))
            made.writestr(name, content)
        with pytest.raises(PermanentError, match=r"hostile\.backup(?!.*newer)"):
            BackupFile(hostile)
    assert sorted(path.name for path in tmp_path.rglob("outside")) == []


def forge(backup: Path, forged: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> Path:
    """Write a backup whose manifest and tables were changed, with checksums that fit."""
    with zipfile.ZipFile(backup) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    change(manifest, members)
    for name, entry in manifest["tables"].items():
        content = members.get(f"tables/{name}.msgpack", b"")
        entry |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    with zipfile.ZipFile(forged, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
        made.writestr("manifest.json", json.dumps(manifest))
    return forged


@pytest.mark.parametrize("swelling", [b"\xdd\x00\x10\x00\x00" + b"\x90" * 0x100000, b"\x81\x01" * 1000])
def test_a_row_that_swells_in_memory_is_refused_before_it_does(
    backup: Path, tmp_path: Path, swelling: bytes
) -> None:
    """A megabyte of empty arrays takes a few hundred bytes in the file, and 64 MiB in memory."""

    def swell(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        members["tables/reads.msgpack"] = swelling
        manifest["tables"]["reads"]["rows"] = 1

    with BackupFile(forge(backup, tmp_path / "swollen.backup", swell)) as forged:
        tracemalloc.start()
        try:
            with pytest.raises(PermanentError, match="table reads is damaged"):
                list(forged.read_table("reads"))
            assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("other", ["sqlite_master", "reads; DROP TABLE users", "../../outside"])
def test_tables_and_columns_of_other_names_are_refused(backup: Path, tmp_path: Path, other: str) -> None:
    def add(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        manifest["tables"][other] = {"columns": ["id"], "rows": 0}
        members[f"tables/{other}.msgpack"] = b""

    def rename(manifest: dict[str, Any], _: dict[str, bytes]) -> None:
        manifest["tables"]["reads"]["columns"][0] = other

    for change in (add, rename):
        with pytest.raises(PermanentError, match="has not the tables of migration"):
            BackupFile(forge(backup, tmp_path / "forged.backup", change))


def test_what_fails_in_the_middle_leaves_the_database_as_it_was(
    filled: Database, database_url: str, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that pass every check of the file and that the database does not take: a doubled key."""
    before = read_everything(filled)
    filled.close()
    doubled = tmp_path / "doubled.backup"
    with BackupFile(backup) as original, doubled.open("wb") as file:
        from tbscreen.backup.backup_file import BackupWriter

        writer = BackupWriter(file)
        for name, entry in original.manifest.tables.items():
            content = list(original.read_table(name))
            writer.add_table(name, entry.columns, content * (2 if name == "renditions" else 1), compress=True)
        writer.finish(original.manifest.model_copy(update={"tables": writer.tables}))
    with pytest.raises(PermanentError, match="does not take its rows"):
        restore(settings_for(database_url, tmp_path), doubled, replace=True)
    assert read_everything(filled) == before
    rows.receive(filled, "1.2.77", study="1.3.77")  # and it can be written to


def test_a_restore_that_is_killed_leaves_the_database_as_it_was(
    filled: Database, database_url: str, backup: Path, tmp_path: Path
) -> None:
    before = read_everything(filled)
    filled.close()
    words = [sys.executable, "-c", KILLED, database_url, str(tmp_path / "data"), str(backup)]
    killed = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    wait_until(lambda: is_free(filled), 30, "the server has ended the dead process's transaction")
    assert read_everything(filled) == before
    filled.close()
    restore(settings_for(database_url, tmp_path), backup, replace=True)


def is_free(database: Database) -> bool:
    """True when nobody but this process is connected."""
    if database.engine.dialect.name == "sqlite":
        return True
    with database.read() as session:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        return session.execute(text(others)).scalar_one() == 1


def test_what_depends_on_our_tables_is_not_dropped(
    postgresql_database: Database, postgresql_url: str, tmp_path: Path
) -> None:
    taken = back_up(settings_for(postgresql_url, tmp_path), tmp_path / "one.backup")
    with postgresql_database.engine.begin() as connection:
        connection.execute(text("CREATE VIEW of_the_site AS SELECT id FROM studies"))
    postgresql_database.close()
    try:
        with pytest.raises(PermanentError, match="drop them"):
            restore(settings_for(postgresql_url, tmp_path), taken.path)
    finally:
        with postgresql_database.engine.begin() as connection:
            connection.execute(text("DROP VIEW of_the_site"))


def test_a_database_that_is_in_use_or_not_empty_is_refused(
    filled: Database, database_url: str, backup: Path, tmp_path: Path
) -> None:
    settings = settings_for(database_url, tmp_path)
    with pytest.raises(PermanentError, match="--replace"):
        restore(settings, backup)
    with filled.read():
        pass  # it stays connected, as each of tbscreen's processes does
    with pytest.raises(TransientError, match="in use"):
        restore(settings, backup, replace=True)
    filled.close()
    (tmp_path / "data" / "spool").mkdir(parents=True)
    from dicom_gateway.spool import Spool

    spool = Spool(tmp_path / "data" / "spool")
    spool.lock()
    with pytest.raises(PermanentError, match="another gateway works in"):
        restore(settings, backup, replace=True)
    spool.unlock()
    (tmp_path / "data" / "run").mkdir()
    restore(settings, backup, replace=True)


def test_an_older_backup_is_migrated_and_a_newer_one_refused(
    empty_database: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = empty_database.engine.url.render_as_string(hide_password=False)
    settings = settings_for(url, tmp_path)
    with empty_database.engine.begin() as connection:
        schema.upgrade_within(connection, "0001")
        connection.execute(
            text(
                "INSERT INTO models (digest, name, version, trained, normalization_version, manifest, "
                "registered_at, active) VALUES (:digest, 'm', '1', false, 'n', '{}', '2026-01-01', true)"
            ),
            {"digest": rows.DIGEST},
        )
    taken = back_up(settings, tmp_path / "old.backup")
    assert (taken.manifest.migration, taken.manifest.active_model.digest) == ("0001", rows.DIGEST)
    empty_database.close()
    restore(settings, taken.path, replace=True)
    assert schema.find_revision(empty_database) == schema.newest_revision()
    with empty_database.read() as session:
        active = bundles.find_active(session)
    assert active is not None
    assert active.digest == rows.DIGEST
    empty_database.close()
    newer = tmp_path / "newer.backup"
    with zipfile.ZipFile(taken.path) as old, zipfile.ZipFile(newer, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'"0001"', b'"9999"'))
    with pytest.raises(PermanentError, match="9999"):
        restore(settings, newer, replace=True)
    with empty_database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    empty_database.close()
    with pytest.raises(PermanentError, match="is at migration 9999, which this version does not know"):
        restore(settings, taken.path, replace=True)
    with pytest.raises(PermanentError, match="9999"):
        back_up(settings, tmp_path / "ahead.backup")


def test_who_was_logged_in_is_not_any_more(filled: Database, database_url: str, tmp_path: Path) -> None:
    with filled.write() as session:
        session.execute(
            text("INSERT INTO login_attempts (subject, failures, failed_at) VALUES ('x', 9, '2026-01-01')")
        )
    taken = back_up(settings_for(database_url, tmp_path), tmp_path / "one.backup")
    assert not {"login_attempts", "web_sessions"} & set(taken.manifest.tables)


def test_a_backup_takes_nobodys_place_and_is_for_its_user_alone(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    settings = settings_for(sqlite_url, tmp_path)
    target = tmp_path / "one.backup"
    assert back_up(settings, target).path.stat().st_mode & 0o777 == 0o600
    content = target.read_bytes()
    with pytest.raises(PermanentError, match="is there already"):
        back_up(settings, target)
    assert target.read_bytes() == content
    assert [path.name for path in tmp_path.glob("*.partial")] == []


def test_a_folder_keeps_as_many_as_it_is_told_and_what_was_cut_short_goes(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    settings, folder = settings_for(sqlite_url, tmp_path), tmp_path / "backups"
    folder.mkdir()
    for day in (1, 2, 3):
        (folder / f"tbscreen-2026010{day}T000000Z.backup").write_bytes(b"older")
    (folder / "somebody-else.backup").write_bytes(b"not ours to delete")
    (folder / ".tbscreen-20260101T000000Z.backup-abc.partial").write_bytes(b"half")
    taken = back_up(settings, folder, keep=2)
    assert [path.name for path in taken.deleted] == [
        f"tbscreen-2026010{day}T000000Z.backup" for day in (1, 2)
    ]
    assert {path.name for path in folder.iterdir()} == {
        "tbscreen-20260103T000000Z.backup", "somebody-else.backup", taken.path.name,
    }  # fmt: skip


def test_a_full_disk_is_known_before_and_leaves_nothing(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creation, "SPARE_BYTES", shutil.disk_usage(tmp_path).free + 10**12)
    with pytest.raises(PermanentError, match="GB left"):
        back_up(settings_for(sqlite_url, tmp_path), tmp_path / "one.backup")
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == []


def test_a_disk_that_is_full_behind_the_backup_does_not_deny_it(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data directory's disk, on which the register of erasures lies, is another one than the backup's."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(erasure_register, "copy_from_database", fail)
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "tbscreen-20260101T000000Z.backup").write_bytes(b"older")
    with pytest.raises(PermanentError, match="is whole, but"):
        back_up(settings_for(sqlite_url, tmp_path), folder, keep=1)
    older, newest = sorted(folder.iterdir())
    assert older.read_bytes() == b"older"
    with BackupFile(newest) as backup:
        backup.verify()


def test_a_damaged_sqlite_file_is_told_with_what_to_do(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    settings = settings_for(sqlite_url, tmp_path)
    taken = back_up(settings, tmp_path / "one.backup")
    broken = settings_for(f"sqlite:///{tmp_path}/broken.sqlite3", tmp_path)
    (tmp_path / "broken.sqlite3").write_bytes(b"not a database " * 1000)
    with pytest.raises(PermanentError, match="move it"):
        restore(broken, taken.path)


def test_a_bundle_that_is_damaged_in_the_database_is_told(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    digest, _ = register_bundle(sqlite_database, DEFAULT_BUNDLE)
    settings = settings_for(sqlite_url, tmp_path)
    with BackupFile(back_up(settings, tmp_path / "sound.backup").path) as sound:
        assert sound.verify() == []
    with sqlite_database.write() as session:
        session.execute(text("UPDATE bundle_chunks SET content = x'00' WHERE file = 'films.csv'"))
    with BackupFile(back_up(settings, tmp_path / "damaged.backup").path) as damaged:
        assert damaged.verify() == [digest]


def test_no_secret_is_in_a_backup(
    postgresql_database: Database, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql_url.replace("tbscreen@", "tbscreen:hunter2@")
    hook = {"name": "hook", "url": "https://hook.example/a?sig=hunter2", "secret_variable": "HOOK_SECRET"}
    monkeypatch.setenv("TBSCREEN_NOTICES__WEBHOOKS", json.dumps([hook]))
    taken = back_up(settings_for(url, tmp_path), tmp_path / "one.backup")
    assert b"hunter2" not in taken.path.read_bytes()
    assert taken.manifest.settings["gateway"]["ae_title"] == "TBSCREEN"
    assert taken.manifest.settings["notices"]["webhooks"][0]["url"] == "https://hook.example/a"


def _flip(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def test_doctor_metrics_and_alert_know_the_age_of_the_newest_backup(place: Path, installed: Database) -> None:
    settings = load_settings()
    rule = r"alert: TbscreenBackupOld\n +expr: max\(tbscreen_newest_backup_age_seconds\) > (\d+) \* 86400\n"
    (days,) = re.findall(rule, (checkout.DOCS / "monitoring" / "alerts.yaml").read_text("utf-8"))

    def look() -> tuple[Check, list[float]]:
        (check,) = (check for check in examine(settings) if check.part == "backup")
        (family,) = (
            family
            for family in DatabaseMetrics(installed).collect()
            if family.name == "tbscreen_newest_backup_age_seconds"
        )
        return check, [sample.value for sample in family.samples]

    check, ages = look()
    assert (check.health, check.finding, ages) == (Health.NOTE, "none was made yet", [])
    back_up(settings, place / "first.backup")
    check, ages = look()
    assert check.health is Health.GOOD
    assert 0.0 <= ages[0] < 600.0
    for hours, health in ((-1, Health.GOOD), (1, Health.BAD)):
        with installed.write() as session:
            taken_at = now() - timedelta(days=int(days), hours=hours)
            session.execute(update(Backup).values(taken_at=taken_at))
        check, ages = look()
        assert check.health is health, "doctor complains when the alert does"
        assert (ages[0] > int(days) * 86400) == (health is Health.BAD)
    assert "more than two days ago" in check.finding
