"""Alive, ready, and what was counted."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from db.database import Database
from db.films import films
from db.settings import DatabaseSettings
from db.worklist.studies import StudyHeader
from domain.codes import Refusal
from domain.errors import PermanentError
from tbscreen.monitoring.database_metrics import DatabaseMetrics
from tbscreen.monitoring.monitor import Monitor, monitored, share_counters
from tbscreen.monitoring.monitoring_settings import PROCESSES, MonitoringSettings
from tbscreen.monitoring.readiness import check_broker, check_disk, check_file
from tests.servers.ports import free_port
from tests.unit import rows

COUNT_IN_A_CHILD = """
import sys
from pathlib import Path
from tbscreen.monitoring.monitor import Monitor, share_counters

share_counters(Path(sys.argv[1]), "worker")
import multiprocessing
from worker import metrics

def count():
    metrics.HANDED_BACK.inc(3)

child = multiprocessing.get_context("fork").Process(target=count)
child.start()
child.join()
metrics.HANDED_BACK.inc(2)
monitor = Monitor("127.0.0.1", 0, {})
monitor.start()
import urllib.request
print(urllib.request.urlopen(f"http://127.0.0.1:{monitor.port}/metrics").read().decode())
monitor.stop()
"""


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_process_is_alive_before_it_is_ready(tmp_path: Path) -> None:
    marker = tmp_path / "up"
    monitor = Monitor("127.0.0.1", 0, {"model": check_file(marker), "disk": check_disk(lambda: 5, 10)})
    monitor.start()
    try:
        assert ask(monitor.port, "/healthz") == (200, "ok\n")
        status, said = ask(monitor.port, "/readyz")
        assert status == 503
        assert said.splitlines() == [
            "model: not yet up",
            "disk: 5 bytes free, 10 are reserved: C-STORE answers 0xA700",
        ]
        assert ask(monitor.port, "/elsewhere")[0] == 404
    finally:
        monitor.stop()
    assert check_disk(lambda: 10, 10)() is None
    marker.touch()
    assert check_file(marker)() is None


def test_a_database_or_broker_that_is_away_is_said_without_its_password(tmp_path: Path) -> None:
    port = free_port()
    gone = Database.open(DatabaseSettings(url=f"postgresql://tb:secret@127.0.0.1:{port}/tb"))
    said = [gone.find_trouble(), check_broker(f"redis://:secret@127.0.0.1:{port}/0")()]
    gone.close()
    assert all(text is not None and "does not answer" in text and "secret" not in text for text in said)
    here = Database.open(DatabaseSettings(url=f"sqlite:///{tmp_path / 'here.db'}"))
    assert here.find_trouble() is None
    here.close()


def test_children_count_into_the_same_sums(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT_IN_A_CHILD, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "tbscreen_films_handed_back_total 5.0" in done.stdout


def test_counters_of_processes_that_are_gone_are_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    old, other = tmp_path / "metrics" / f"worker-{gone.pid}", tmp_path / "metrics" / f"gateway-{gone.pid}"
    for folder in (old, other):
        folder.mkdir(parents=True)
    assert share_counters(tmp_path, "worker") == tmp_path / "metrics" / f"worker-{os.getpid()}"
    assert (old.exists(), other.exists()) == (False, True)


def test_the_database_tells_of_all(database: Database) -> None:
    rows.register_model(database)
    rows.receive(database)
    samples = [sample for family in DatabaseMetrics(database).collect() for sample in family.samples]
    told = {
        sample.name: sample.value
        for sample in samples
        if sample.labels.get("state", "received") == "received"
    }
    assert told["tbscreen_database_up"] == 1
    assert told["tbscreen_films_waiting"] == 1
    assert told["tbscreen_films_oldest_waiting_seconds"] >= 0
    gone = Database.open(DatabaseSettings(url=f"postgresql://127.0.0.1:{free_port()}/tb"))
    families = list(DatabaseMetrics(gone).collect())
    gone.close()
    assert [(family.name, family.samples[0].value) for family in families] == [("tbscreen_database_up", 0)]


def test_no_monitor_tells_of_a_patient(sqlite_database: Database) -> None:
    header = StudyHeader("1.2.77344215", "ACCQX558127", "PIDXX77344215", "QUAGGAFISH^JANE")
    instance_id = rows.receive(sqlite_database, uid="1.2.55812", study=header).instance_id
    with sqlite_database.write() as session:
        films.refuse(session, instance_id, Refusal.NOT_CHEST, "BodyPartExamined is 'QUAGGAFISH'")
    gone = Database.open(DatabaseSettings(url=f"postgresql://tb:secret@127.0.0.1:{free_port()}/tb"))
    monitor = Monitor("127.0.0.1", 0, {"database": gone.find_trouble}, [DatabaseMetrics(sqlite_database)])
    monitor.start()
    try:
        told = "".join(ask(monitor.port, path)[1] for path in ("/metrics", "/readyz", "/healthz", "/nowhere"))
    finally:
        monitor.stop()
        gone.close()
    assert "tbscreen_database_up 1.0" in told
    for word in ("QUAGGA", "77344215", "558127", "1.2.55812", "secret"):
        assert word not in told


def test_without_a_port_nothing_listens_and_a_taken_one_is_an_error() -> None:
    assert [MonitoringSettings().port(process) for process in PROCESSES] == [None] * 4
    with monitored(MonitoringSettings(), "gateway", {}):
        pass
    port = free_port()
    settings = MonitoringSettings(web_port=port)
    with monitored(settings, "web", {}):
        assert ask(port, "/healthz")[0] == 200
        with pytest.raises(PermanentError, match="cannot listen on"), monitored(settings, "web", {}):
            pass
    with pytest.raises(urllib.error.URLError):
        ask(port, "/healthz")
