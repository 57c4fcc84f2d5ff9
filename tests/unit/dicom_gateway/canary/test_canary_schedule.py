"""Canary films are sent and judged in time whatever the clock does."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from db.canary import canaries
from db.canary.verdicts import Verdict
from db.clock import now
from db.database import Database
from dicom_gateway.canary import canary_schedule
from dicom_gateway.canary.canary_film import digest_film
from dicom_gateway.canary.canary_run import CanaryRun
from dicom_gateway.canary.canary_schedule import CanarySchedule
from dicom_gateway.canary.canary_settings import CanarySettings
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from tests.servers.ports import wait_until


def test_a_clock_that_is_set_back_during_a_canary_film_delays_no_further_one(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[datetime | None] = []

    def send(_: CanaryRun, next_by: datetime | None = None) -> None:
        sent.append(next_by)

    monkeypatch.setattr(canary_schedule, "START_S", 0.0)
    monkeypatch.setattr(canary_schedule, "now", lambda: now() - len(sent) * timedelta(days=1))
    monkeypatch.setattr(CanaryRun, "run", send)
    settings = GatewaySettings(canary=CanarySettings(every_minutes=0.001))
    schedule = CanarySchedule(settings, sqlite_database, Spool(tmp_path / "spool"))
    schedule.start()
    try:
        wait_until(lambda: len(sent) >= 2, 10, "a second canary film")
    finally:
        schedule.end()
        schedule.join()


def test_a_clock_that_is_set_back_delays_no_verdict(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_up = time.monotonic() + 10

    def receive(_: CanaryRun, film: Dataset) -> None:
        with sqlite_database.write() as session:
            canaries.record_arrival(session, "here", str(film.SOPInstanceUID), digest_film(film), "00/a.dcm")

    monkeypatch.setattr(CanaryRun, "_send", receive)
    settings = GatewaySettings(name="here", canary=CanarySettings(deadline_s=0.2))
    run = CanaryRun(
        settings, sqlite_database, Spool(tmp_path / "spool"), lambda _: time.monotonic() > give_up
    )
    moments = [now() + timedelta(days=1)]  # of the issue; then the clock is set back
    monkeypatch.setattr(canaries, "now", lambda: moments.pop() if moments else now())
    judged = run.run()
    assert judged is not None
    assert judged.verdict is Verdict.SILENT
