"""Canary films on the way of all films; what only looks like one is a Security Alert, and a film."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import func, select

from db.canary import canaries, expected_scores, verdicts
from db.canary.verdicts import CanaryWatch, Verdict
from db.database import Database
from db.tables import Canary, CanaryScore, Instance, OutboxEntry, Rendition, Screening, Study
from dicom_gateway.association.film_sender import FilmSender
from dicom_gateway.association.tls_settings import ListenerTlsSettings
from dicom_gateway.audit.audit_reading import read_newest
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.canary.canary_film import DRAWING, digest_film, draw_film
from dicom_gateway.canary.canary_reception import ALERT, CanaryReception
from dicom_gateway.canary.canary_run import CanaryRun
from dicom_gateway.canary.canary_uid import make_canary_uid
from dicom_gateway.dataset_header import read_header
from dicom_gateway.reception.spool_adoption import SpoolAdoption
from dicom_gateway.spool import SpooledFile
from tests.integration.conftest import store_raw
from tests.integration.listening import Listening, gateway
from tests.integration.worker.test_worker_drain import worker
from tests.servers.certificates import Certificates
from tests.servers.gateway import gateway as gateway_process
from tests.servers.ports import free_port, wait_until
from tests.servers.product import make_environment
from tests.unit import rows

CALLERS = 'ae_title = "TBS-CANARY", addresses = ["127.0.0.1"]'
FILM_TABLES = (Study, Instance, Rendition, Screening, OutboxEntry)


def count(database: Database, *tables: Any) -> list[int]:
    with database.read() as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def watch(database: Database) -> CanaryWatch | None:
    with database.read() as session:
        return next(iter(verdicts.list_watches(session)), None)


def list_spooled(data: Path) -> list[Path]:
    return sorted((data / "spool").glob("??/*.dcm"))


def test_canary_films_are_scored_judged_and_gone_and_alarm_when_the_score_changes_or_nobody_scores(
    sqlite_database: Database, sqlite_url: str, redis_url: str, tmp_path: Path
) -> None:
    data, port = tmp_path / "data", free_port()
    changes = {
        "TBSCREEN_BROKER_URL": redis_url,
        "TBSCREEN_GATEWAY__NAME": rows.GATEWAY,
        "TBSCREEN_GATEWAY__CANARY__EVERY_MINUTES": "0.05",
        "TBSCREEN_GATEWAY__CANARY__DEADLINE_S": "60",
    }
    values = {
        **changes,
        "TBSCREEN_DATA_DIRECTORY": str(data),
        "TBSCREEN_DATABASE_URL": sqlite_url,
        "TBSCREEN_GATEWAY__HOST": "127.0.0.1",
        "TBSCREEN_GATEWAY__PORT": str(port),
        "TBSCREEN_LOG_FORMAT": "json",
    }

    def run(*words: str, **further: str) -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-m", "tbscreen", "canary", *words]
        environment = make_environment({**values, **further})
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {}

    with gateway_process(data, port, sqlite_url, changes):
        exact = {"TBSCREEN_WORKER__RUNTIME": "keras", "TBSCREEN_WORKER__PRECISION": "float32"}
        with worker(sqlite_database, redis_url, tmp_path, **exact):
            wait_until(lambda: is_good(sqlite_database), 90, "the schedule sends canary films")
            first = watch(sqlite_database)
            assert first is not None
            assert (first.is_alarm, first.worker is not None) == (False, True)
            status, judged = run("--json")
            assert (status, judged["verdict"], judged["expected"]) == (0, "same", first.expected)
            assert 0.0 < judged["score"] < 1.0
            with sqlite_database.write() as session:
                assert first.bundle_digest is not None
                pin = (first.bundle_digest, DRAWING, judged["score"] + 0.001, ("keras", "float32"))
                expected_scores.pin(session, *pin, "test", "another runtime")
            status, judged = run("--json")
            assert (status, judged["verdict"]) == (1, "changed")
            wait_until(lambda: not is_good(sqlite_database), 60, "the schedule sees it, too")
            assert run("--accept", "the runtime was changed")[0] == 0
            assert run("--json")[0] == 0
            assert count(sqlite_database, CanaryScore) == [3]
        status, judged = run("--json", TBSCREEN_GATEWAY__CANARY__DEADLINE_S="1")
        assert (status, judged["verdict"]) == (1, "silent")
        assert "no score within 1 s" in judged["detail"]
        assert not has_leftovers(sqlite_database, data)
    assert count(sqlite_database, *FILM_TABLES) == [0] * len(FILM_TABLES)
    told = (tmp_path / "data.log").read_text("utf-8")
    assert "canary film: alarm" in told
    assert "film received" not in told


def is_good(database: Database) -> bool:
    found = watch(database)
    return found is not None and found.verdict == Verdict.SAME


def has_leftovers(database: Database, data: Path) -> bool:
    """True while more canary films, or files, are kept than the one that the schedule awaits."""
    return count(database, Canary)[0] > 1 or len(list_spooled(data)) > 1


@pytest.fixture
def audit(tmp_path: Path) -> AuditTrail:
    return AuditTrail(AuditSettings(), tmp_path / "audit", "gateway", "TBSCREEN")


def count_alerts(folder: Path) -> int:
    records = read_newest(folder / "audit", 100, event="Security Alert")
    return sum(ALERT in " ".join(record.details) for record in records)


def issue(database: Database, film: Dataset, listening: Listening) -> int:
    name = listening.settings.name
    with database.write() as session:
        uid = str(film.SOPInstanceUID)
        return canaries.issue(session, name, uid, digest_film(film), timedelta(minutes=5)).id


def save(film: Dataset, path: Path) -> Path:
    film.save_as(path, enforce_file_format=True)
    return path


def test_what_is_not_the_drawn_film_under_a_uid_that_we_await_is_an_alert_and_a_film(
    database: Database, tmp_path: Path, audit: AuditTrail
) -> None:
    drawn = draw_film(make_canary_uid())
    other_bytes, not_issued = draw_film(str(drawn.SOPInstanceUID)), draw_film(make_canary_uid())
    other_bytes.PatientName = "Doe^Jane"
    port = free_port()
    with gateway(database, tmp_path / "spool", port, audit) as listening:
        number = issue(database, drawn, listening)
        for place, film in enumerate((other_bytes, not_issued)):
            assert store_raw(port, save(film, tmp_path / f"{place}.dcm")) == 0x0000
            assert count(database, Instance) == [place + 1]
        assert store_raw(port, save(drawn, tmp_path / "drawn.dcm")) == 0x0000
        assert count(database, Instance) == [2], "the drawn film is none"
        with database.read() as session:
            canary = canaries.find(session, number)
        assert canary is not None
        assert canary.received_at is not None
        assert canary.spool_path is not None
        assert store_raw(port, tmp_path / "drawn.dcm") == 0x0000
        assert count(database, Instance) == [3], "once received, it is awaited no more"
    audit.close()
    assert count_alerts(tmp_path) == 3


@pytest.mark.parametrize(
    ("address", "is_caller"), [("192.0.2.7", True), ("::ffff:192.0.2.7", True), ("127.0.0.1", False)]
)
def test_a_canary_film_comes_from_this_machine_alone(
    sqlite_database: Database, tmp_path: Path, address: str, is_caller: bool
) -> None:
    drawn = draw_film(make_canary_uid())
    uid, digest = str(drawn.SOPInstanceUID), digest_film(drawn)
    path = save(drawn, tmp_path / "drawn.dcm")
    with sqlite_database.write() as session:
        number = canaries.issue(session, rows.GATEWAY, uid, digest, timedelta(minutes=5)).id
    reception = CanaryReception(rows.GATEWAY, sqlite_database, None)
    synced: Future[None] = Future()
    synced.set_result(None)
    file = SpooledFile("00/drawn.dcm", digest, path.stat().st_size)
    header = read_header(path)

    def take(sender: FilmSender) -> bool:
        return reception.take(uid, sender, header, file, synced)

    assert not take(FilmSender("TBS-CANARY", address, "1", "TBSCREEN", is_caller))
    with sqlite_database.read() as session:
        canary = canaries.find(session, number)
    assert canary is not None
    assert canary.received_at is None
    assert take(FilmSender("TBS-CANARY", "127.0.0.1", "1", "TBSCREEN"))


def run_alone(database: Database, listening: Listening) -> tuple[str, str]:
    """Send a canary film to a gateway without preparation."""
    judged = CanaryRun(listening.settings, database, listening.spool, lambda seconds: False).run()
    assert judged is not None
    return judged.verdict.value, judged.detail


def test_the_canary_film_says_what_to_configure_where_it_is_not_let_in(
    sqlite_database: Database, tmp_path: Path
) -> None:
    short: dict[str, Any] = {"canary": {"deadline_s": 0.5}}
    with gateway(sqlite_database, tmp_path / "1", free_port(), allowed_calling_ae_titles=["CR1"]) as limited:
        verdict, detail = run_alone(sqlite_database, limited)
    assert (verdict, CALLERS in detail) == ("not_taken", True)
    callers: Sequence[Any] = [{"ae_title": "TBS-CANARY", "addresses": ["127.0.0.1"]}]
    with gateway(sqlite_database, tmp_path / "2", free_port(), callers=callers, **short) as told:
        verdict, detail = run_alone(sqlite_database, told)
    assert (verdict, "has not prepared it" in detail) == ("silent", True)
    with gateway(sqlite_database, tmp_path / "3", free_port(), **short) as listening:
        far = listening.settings.model_copy(update={"host": "192.0.2.1"})
        verdict, detail = run_alone(sqlite_database, Listening(far, listening.spool, listening.scp))
        assert (verdict, "gateway.host to 0.0.0.0" in detail) == ("not_taken", True)
    verdict, detail = run_alone(sqlite_database, listening)
    assert (verdict, "nothing answers at" in detail) == ("not_taken", True)
    assert count(sqlite_database, Canary, Instance) == [0, 0]
    assert not list(tmp_path.glob("?/??/*.dcm"))


def test_a_gateway_with_nothing_but_tls_gets_its_canary_film_over_tls(
    sqlite_database: Database, tmp_path: Path, certificates: Certificates
) -> None:
    own = {"certificate": certificates.gateway.certificate, "key": certificates.gateway.key}
    tls = ListenerTlsSettings(port=free_port(), ca=certificates.ca, **own)
    changes: dict[str, Any] = {"accept_plain": False, "tls": tls, "canary": {"deadline_s": 0.5}}
    with gateway(sqlite_database, tmp_path / "spool", 0, **changes) as listening:
        assert run_alone(sqlite_database, listening)[0] == "silent"
    stranger = tls.model_copy(update={"ca": certificates.gateway.certificate, "port": free_port()})
    with gateway(sqlite_database, tmp_path / "2", 0, **{**changes, "tls": stranger}) as listening:
        assert run_alone(sqlite_database, listening)[0] in ("silent", "not_taken")


def test_a_canary_film_whose_row_is_gone_is_deleted_from_the_spool_and_no_film(
    sqlite_database: Database, tmp_path: Path
) -> None:
    drawn = draw_film(make_canary_uid())
    with gateway(sqlite_database, tmp_path / "spool", free_port()) as listening:
        number = issue(sqlite_database, drawn, listening)
        assert store_raw(listening.ports[0], save(drawn, tmp_path / "drawn.dcm")) == 0x0000
        adoption = SpoolAdoption(sqlite_database, listening.spool, listening.settings)
        kept = list(listening.spool.list_files())
        assert adoption.find_unknown(kept) == []
        with sqlite_database.write() as session:
            canaries.remove(session, number)
        assert adoption.find_unknown(kept) == kept
        assert adoption.adopt(kept) == 0
        assert list(listening.spool.list_files()) == []
    assert count(sqlite_database, Instance) == [0]
