"""Peers that answer for what they were sent: at once, on their own association, not at all, or with a no."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from db.clock import now
from db.database import Database
from db.delivery import commitments
from db.films import spooled_files
from dicom_gateway.delivery.commitment_settings import CommitmentSettings
from dicom_gateway.settings import PeerSettings
from tests.integration.delivery.couriers import courier, look, make_reports, peer
from tests.integration.listening import gateway
from tests.servers.pacs import Orthanc, orthanc
from tests.servers.peers.commitment_scp import AE_TITLE, commitment_scp
from tests.servers.ports import free_port, wait_until
from tests.unit import rows


def test_orthanc_answers_on_an_association_of_its_own_and_is_sent_again_what_it_lost(
    database: Database, tmp_path: Path
) -> None:
    port = free_port()
    uids = make_reports(database, 3, ["orthanc"], tmp_path)
    with (
        orthanc(tmp_path / "orthanc", gateway_port=port, route=False) as pacs,
        gateway(database, tmp_path / "spool", port, peers=[_archive(pacs)]),
        courier(
            database,
            [_archive(pacs)],
            commitment=CommitmentSettings(delay_s=0, wait_s=0.1),
        ),
    ):
        wait_until(lambda: look(database, "orthanc").commitments == ["committed"] * 3, 30, "all committed")
        assert sorted(_uids(pacs.http_port)) == sorted(uids)
        with database.read() as session:
            assert len(spooled_files.list_done(session, rows.GATEWAY, now(), 9)) == 3

        _delete(pacs.http_port, uids[1])
        _ask_anew(database, 2)
        wait_until(lambda: look(database, "orthanc").commitments == ["committed"] * 3, 30, "committed anew")
        assert sorted(_uids(pacs.http_port)) == sorted(uids)


@pytest.mark.parametrize(
    ("answer", "deliveries", "commitment", "stores", "actions"),
    [
        ("same", "delivered", "committed", 1, 1),
        ("first_failed", "delivered", "committed", 2, 2),
        ("failed", "delivered", "parked", 3, 3),
        ("refused", "delivered", "parked", 1, 1),
    ],
)
def test_a_peer_that_reports_on_the_same_association(
    sqlite_database: Database,
    tmp_path: Path,
    answer: str,
    deliveries: str,
    commitment: str,
    stores: int,
    actions: int,
) -> None:
    make_reports(sqlite_database, 1, ["archive"], tmp_path)  # of two, each may get a request of its own
    settings = CommitmentSettings(delay_s=0.5, wait_s=5, maximum_resends=2)
    with (
        commitment_scp(tmp_path / "archive", "--answer", answer) as archive,
        courier(
            sqlite_database,
            [peer("archive", AE_TITLE, archive.port, commitment=True)],
            commitment=settings,
        ),
    ):
        wait_until(
            lambda: look(sqlite_database, "archive").commitments == [commitment], 60, f"all {commitment}"
        )
        assert look(sqlite_database, "archive").states == [deliveries]
        assert len(archive.files()) == 1
        assert archive.requests("store") == stores
        assert archive.requests("action") == actions
    with sqlite_database.read() as session:
        assert len(spooled_files.list_done(session, rows.GATEWAY, now(), 9)) == 1


def test_a_peer_that_never_reports_is_asked_so_often_and_holds_no_film_for_ever(
    sqlite_database: Database, tmp_path: Path
) -> None:
    make_reports(sqlite_database, 1, ["archive"], tmp_path)
    settings = CommitmentSettings(delay_s=0, wait_s=0, answer_within_s=0.1, maximum_requests=2)
    with (
        commitment_scp(tmp_path / "archive", "--answer", "never") as archive,
        courier(
            sqlite_database,
            [peer("archive", AE_TITLE, archive.port, commitment=True)],
            commitment=settings,
        ),
    ):
        wait_until(lambda: look(sqlite_database, "archive").commitments == ["parked"], 30, "it is parked")
        assert archive.requests("action") == 2
        assert archive.requests("store") == 1
    assert look(sqlite_database, "archive").errors == ["the peer did not report in time"]


def _archive(pacs: Orthanc) -> PeerSettings:
    return peer("orthanc", pacs.ae_title, pacs.dicom_port, commitment=True)


def _ask_anew(database: Database, which: int) -> None:
    """As if the commitment of one delivery had been parked and replayed."""
    from db.tables import CommitmentItem

    with database.write() as session:
        session.get_one(CommitmentItem, which).state = "parked"
    with database.write() as session:
        assert commitments.replay(session) == 1


def _uids(http_port: int) -> list[str]:
    url = f"http://127.0.0.1:{http_port}/instances?expand"
    with urllib.request.urlopen(url, timeout=30) as response:
        return [instance["MainDicomTags"]["SOPInstanceUID"] for instance in json.loads(response.read())]


def _delete(http_port: int, uid: str) -> None:
    lookup = f"http://127.0.0.1:{http_port}/tools/lookup"
    with urllib.request.urlopen(urllib.request.Request(lookup, data=uid.encode()), timeout=30) as response:
        (found,) = json.loads(response.read())
    request = urllib.request.Request(f"http://127.0.0.1:{http_port}{found['Path']}", method="DELETE")
    urllib.request.urlopen(request, timeout=30).close()
