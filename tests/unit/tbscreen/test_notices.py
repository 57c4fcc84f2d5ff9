"""`tbscreen notices`: listed, sent again, tested; and the doctor's checks of their receivers."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from db.database import Database
from db.notices import notice_outbox
from notices.notice_round import NoticeRound
from notices.notice_settings import NoticeSettings
from tbscreen.doctor.check import Health
from tbscreen.doctor.notice_checks import examine_notice_receivers, examine_notices
from tbscreen.settings import Settings
from tests.servers.peers.hook_receiver import HookReceiver
from tests.servers.ports import free_port
from tests.unit import rows
from tests.unit.notices.couriers import SECRET, make_settings, screen
from tests.unit.tbscreen.conftest import Cli


def test_notices_are_listed_and_sent_again(quick_cli: Cli, installed: Database) -> None:
    rows.register_model(installed)
    screen(installed)
    settings = make_settings({"url": "https://a.example", "secret_variable": "S"})
    NoticeRound(installed, settings, ()).make_due(threading.Event())
    with installed.write() as session:
        (due,) = notice_outbox.lease_due(session, rows.LEASE, 9, "ops")
        notice_outbox.park(session, due.number, "status 422")
    (check,) = examine_notices(installed)
    assert (check.health, check.finding) == (Health.BAD, "1 parked")
    found = json.loads(quick_cli("notices", "list", "--json", "--state", "parked").stdout)
    assert [(row["receiver"], row["kind"]) for row in found] == [("ops", "high_finding")]
    assert "status 422" in quick_cli("notices", "list").stdout
    assert json.loads(quick_cli("notices", "list", "--json", "--event", "drift").stdout) == []
    nothing = "no notices, or none that the options name\n"
    assert quick_cli("notices", "list", "--event", "drift").stdout == nothing
    assert quick_cli("notices", "replay").returncode == 1
    assert "1 notices are sent again" in quick_cli("notices", "replay", "--all").stdout
    assert list(examine_notices(installed)) == []


def test_a_test_notice_is_sent_to_each_receiver_and_the_doctor_sends_nothing(
    quick_cli: Cli, installed: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hook = HookReceiver()
    webhooks = [
        {"name": name, "url": f"http://127.0.0.1:{port}/?sig=hidden", "secret_variable": "HOOK_SECRET"}
        for name, port in (("there", hook.port), ("away", free_port()))
    ]
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    rules = [{"event": "drift", "to": ["there"]}]
    settings = NoticeSettings.model_validate({"webhooks": webhooks, "rules": rules})
    there, away = examine_notice_receivers(Settings(notices=settings))
    assert (there.health, away.health) == (Health.GOOD, Health.BAD)
    assert "hidden" not in there.finding + away.finding
    assert hook.received == []
    monkeypatch.setenv("TBSCREEN_NOTICES__WEBHOOKS", json.dumps(webhooks))
    run = quick_cli("notices", "test")
    assert run.returncode == 1
    assert "there has taken it" in run.stdout
    assert "away has not taken it: nothing answers" in run.stdout
    assert SECRET not in run.stdout
    (request,) = hook.received
    assert json.loads(request.body)["event"] == "test"
    hook.close()
    assert quick_cli("notices", "test", "--receiver", "nobody").returncode == 1
