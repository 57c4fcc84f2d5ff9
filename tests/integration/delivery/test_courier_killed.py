"""A courier that is killed between a peer's answer and its record: each report arrives, under one UID."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pynetdicom import AE, evt

from db.database import Database
from tests.checkout import ROOT
from tests.integration.delivery.couriers import courier, look, make_all_due, make_reports, peer
from tests.servers.ports import wait_until

REPORTS = 6
KILLED_AT = 3
COURIER = """
import sys, threading
from db.database import Database
from db.settings import DatabaseSettings
from dicom_gateway.delivery.commitment_settings import CommitmentSettings
from dicom_gateway.delivery.courier import Courier
from tests.integration.delivery.couriers import FAST, peer

database = Database.open(DatabaseSettings(url=sys.argv[1]))
pacs = peer("pacs", "PACS", int(sys.argv[2]))
Courier(database, [pacs], FAST, CommitmentSettings(), "test").run(threading.Event())
"""


def test_reports_that_a_killed_courier_had_not_recorded_are_sent_again_under_their_uids(
    sqlite_database: Database, tmp_path: Path
) -> None:
    made = make_reports(sqlite_database, REPORTS, ["pacs"], tmp_path)
    received: list[str] = []
    killed: list[subprocess.Popen[bytes]] = []

    def store(event: evt.Event) -> int:
        received.append(str(event.request.AffectedSOPInstanceUID))  # type: ignore[union-attr]
        if len(received) == KILLED_AT:
            killed[0].kill()
        return 0x0000

    ae = AE(ae_title="PACS")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.1")
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    assert server is not None
    port = int(server.server_address[1])
    url = sqlite_database.engine.url.render_as_string(hide_password=False)
    killed.append(subprocess.Popen([sys.executable, "-c", COURIER, url, str(port)], cwd=ROOT))
    killed[0].wait(timeout=120)

    assert received == made[:KILLED_AT]
    assert look(sqlite_database, "pacs").states == ["pending"] * REPORTS, "answered, and not recorded"
    make_all_due(sqlite_database)
    with courier(sqlite_database, [peer("pacs", "PACS", port)]):
        wait_until(
            lambda: look(sqlite_database, "pacs").states == ["delivered"] * REPORTS, 60, "all are delivered"
        )
    server.shutdown()

    assert received[KILLED_AT:] == made
