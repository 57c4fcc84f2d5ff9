"""A courier that is killed between an answer and its record: the notice comes again under its key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from db.database import Database
from db.tables import NoticeRow
from tests.checkout import ROOT
from tests.servers.peers.hook_receiver import HookReceiver, HookRequest
from tests.unit import rows
from tests.unit.notices.couriers import courier, look, make_settings, screen, wait_for, write_secret

COURIER = """
import sys, threading
from db.database import Database
from db.settings import DatabaseSettings
from notices.notice_courier import NoticeCourier
from tests.unit.notices.couriers import HURRIED, make_settings

database = Database.open(DatabaseSettings(url=sys.argv[1]))
settings = make_settings({"url": sys.argv[2], "secret_file": sys.argv[3]})
NoticeCourier(database, settings, HURRIED).run(threading.Event())
"""


def test_a_notice_that_a_killed_courier_had_not_recorded_comes_again_under_its_key(
    sqlite_database: Database, tmp_path: Path
) -> None:
    rows.register_model(sqlite_database)
    screen(sqlite_database)
    killed: list[subprocess.Popen[bytes]] = []
    hook = HookReceiver()

    def kill(request: HookRequest) -> int:
        killed[0].kill()
        return 204

    hook.answer = kill
    address, secret = f"http://127.0.0.1:{hook.port}/", write_secret(tmp_path)
    url = sqlite_database.engine.url.render_as_string(hide_password=False)
    killed.append(subprocess.Popen([sys.executable, "-c", COURIER, url, address, str(secret)], cwd=ROOT))
    killed[0].wait(timeout=120)
    assert len(hook.received) == 1
    assert [row.state for row in look(sqlite_database)] == ["pending"], "answered, and not recorded"

    rows.make_due(sqlite_database, NoticeRow)
    hook.answer = lambda request: 204
    with courier(sqlite_database, make_settings({"url": address, "secret_file": secret})):
        (row,) = wait_for(sqlite_database, ["delivered"])
    hook.close()
    assert row.attempts == 2
    first, second = hook.received
    assert (first.key, first.body) == (second.key, second.body)
