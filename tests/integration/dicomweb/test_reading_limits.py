"""Searches and retrievals by nobody known, that are too large, or whose answer is not read."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from db.accounts import api_tokens, users
from db.database import Database
from dicom_gateway.dicomweb.dicomweb_settings import CertificateSenderSettings, DicomwebSettings
from dicom_gateway.dicomweb.http_senders import HttpSenders, SenderRefusedError
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.settings import GatewaySettings
from domain.roles import Permission, Role
from domain.secret_words import TOKEN_PREFIX, hash_secret, make_secret
from tests.films import read, small_film
from tests.integration.dicomweb.held_study import Held, holding
from tests.integration.test_audit import objects, records, trail
from tests.servers.peers.stow_requests import make_token
from tests.servers.ports import wait_until
from tests.unit.worklists import insert_studies, make_studies


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return small_film(tmp_path)


@pytest.fixture
def held(sqlite_database: Database, tmp_path: Path, film: Path) -> Iterator[Held]:
    query = {"maximum_answers": 1}
    with holding(
        sqlite_database, tmp_path / "spool", [film, small_film(tmp_path, 1)], query=query
    ) as running:
        yield running


def address(film: Path) -> str:
    """Return the target of a film."""
    header = read(film)
    series = f"/studies/{header.StudyInstanceUID}/series/{header.SeriesInstanceUID}"
    return f"{series}/instances/{header.SOPInstanceUID}"


def test_nobody_reads_without_a_token_that_allows_it(held: Held, film: Path) -> None:
    storing = make_token(held.database, "MODALITY", [Permission.STORE])
    unnamed = make_token(held.database, "no AE title, too long", [Permission.WORKLIST])
    for target in ("/studies", address(film), f"{address(film)}/metadata", f"{address(film)}/frames/1"):
        assert held.get(target, "tbs_guessed").status == 401
        assert held.get(target, storing).status == 403
        assert held.get(target, unnamed).status == 403
        assert held.get(target).status == 200


def test_a_reader_who_reads_blinded_reads_no_results_here(sqlite_database: Database) -> None:
    secret = make_secret(TOKEN_PREFIX)
    with sqlite_database.write() as session:
        rosa = users.add(session, "rosa", Role.READER, "nobody logs in")
        api_tokens.issue(session, rosa, "VIEWER", hash_secret(secret), [Permission.WORKLIST], None)
    settings = GatewaySettings(dicomweb=DicomwebSettings(port=0))
    for site, own, is_blinded in ((True, None, True), (True, False, False), (False, True, True)):
        with sqlite_database.write() as session:
            users.set_blinded(session, "rosa", own)
        senders = HttpSenders(settings, sqlite_database, RefusalLog(), blinded_reading=site)
        with pytest.raises(SenderRefusedError, match="reads blinded") if is_blinded else nullcontext():
            senders.identify(f"Bearer {secret}", (), "127.0.0.1", Permission.WORKLIST)


def test_a_certificate_reads_only_what_its_entry_allows(sqlite_database: Database) -> None:
    storing = CertificateSenderSettings(ae_title="CT1", certificate_names=("ct-1",))
    reading = CertificateSenderSettings(
        ae_title="VIEWER", certificate_names=("viewer",), permissions=("worklist",)
    )
    settings = GatewaySettings(dicomweb=DicomwebSettings(port=0, senders=(storing, reading)))
    senders = HttpSenders(settings, sqlite_database, RefusalLog())
    for name, permission in (("ct-1", Permission.STORE), ("viewer", Permission.WORKLIST)):
        assert senders.identify("", {name}, "127.0.0.1", permission).ae_title in ("CT1", "VIEWER")
    for name, permission in (("ct-1", Permission.WORKLIST), ("viewer", Permission.STORE)):
        with pytest.raises(SenderRefusedError, match="lacks the permission"):
            senders.identify("", {name}, "127.0.0.1", permission)


def test_where_queries_are_off_nothing_is_read(sqlite_database: Database, tmp_path: Path, film: Path) -> None:
    with holding(sqlite_database, tmp_path / "spool", [film], query={"enabled": False}) as held:
        for target in ("/studies", address(film), f"{address(film)}/metadata"):
            answer = held.get(target)
            assert answer.status == 404
            assert b"gateway.query.enabled" in answer.body


def test_a_search_gives_no_more_than_the_settings_allow(
    held: Held, sqlite_database: Database, tmp_path: Path, film: Path
) -> None:
    for target in ("/studies", "/studies?limit=1000"):
        answer = held.get(target)
        assert len(json.loads(answer.body)) == 1
        assert "additional results" in answer.headers["warning"]
    assert held.get("/studies?" + "&".join(f"x{number}=1" for number in range(300))).status == 200


def test_a_search_that_would_examine_too_much_is_refused(
    sqlite_database: Database, tmp_path: Path, film: Path
) -> None:
    insert_studies(sqlite_database, make_studies(150))
    with holding(sqlite_database, tmp_path / "spool", [film], query={"maximum_examined": 100}) as held:
        answer = held.get("/studies?StudyDescription=nothing*")
        assert len(held.search("/studies?StudyInstanceUID=1.2.1")) == 1
    assert answer.status == 413
    assert b"too many studies to examine" in answer.body


def test_a_report_is_found_in_its_own_study_alone(held: Held, film: Path) -> None:
    study = str(read(film).StudyInstanceUID)
    (report, *_rest) = held.search(f"/studies/{study}/instances?SOPClassUID=1.2.840.10008.5.1.4.1.1.88.34")
    found = held.search("/studies?offset=0") + held.search("/studies?offset=1")
    (other,) = {match["0020000D"]["Value"][0] for match in found} - {study}
    uid, series = report["00080018"]["Value"][0], report["0020000E"]["Value"][0]
    assert held.get(f"/studies/{study}/series/{series}/instances/{uid}").status == 200
    assert held.get(f"/studies/{other}/series/{series}/instances/{uid}").status == 404


def test_who_does_not_read_the_answer_is_cut_off(
    sqlite_database: Database, tmp_path: Path, film: Path
) -> None:
    large = dcmread(film)
    large.Rows = large.Columns = 4000
    large.PixelData = np.zeros((4000, 4000), np.uint16).tobytes()
    large.save_as(film)
    changes = {"network_timeout_s": 1.0, "maximum_associations": 1}
    with holding(sqlite_database, tmp_path / "spool", [film], **changes) as held:
        silent = socket.socket()
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with silent:
            silent.connect(("127.0.0.1", held.port))
            lines = (
                f"GET /dicom-web{address(film)} HTTP/1.1",
                "Host: x",
                f"Authorization: Bearer {held.token}",
            )
            silent.sendall("\r\n".join((*lines, "", "")).encode())
            wait_until(lambda: held.get("/studies").status == 503, 20, "the answer takes the only place")
            wait_until(lambda: held.get("/studies").status == 200, 20, "the connection is dropped")
        assert len(held.get(address(film), Accept="application/dicom").body) > 32_000_000


def test_one_request_names_no_frame_twice(held: Held, film: Path) -> None:
    assert held.get(f"{address(film)}/frames/1,1").status == 400


def test_searches_and_retrievals_are_audited(sqlite_database: Database, tmp_path: Path, film: Path) -> None:
    audit = trail(tmp_path / "audit")
    with holding(sqlite_database, tmp_path / "spool", [film], audit) as held:
        held.get("/studies?PatientID=X")
        held.get(address(film))
        held.get("/studies", "tbs_guessed")
    audit.close()
    *_, (first, query), (second, sent), (third, _) = records(tmp_path / "audit")
    assert (first, second, third) == ("Query", "DICOM Instances Transferred", "Security Alert")
    said = query.findtext(".//ParticipantObjectQuery")
    assert said is not None
    assert base64.b64decode(said) == b"/dicom-web/studies?PatientID=X"
    users = [user.attrib["AlternativeUserID"] for user in sent.findall("ActiveParticipant")]
    assert users == ["AETITLES=TBSCREEN", "AETITLES=VIEWER"]
    assert objects(sent)[0] == str(read(film).StudyInstanceUID)
