"""Audit records of a gateway and a courier, with real associations on both sides."""

from __future__ import annotations

import base64
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, build_context, evt

from db.database import Database
from dicom_gateway.association.peer_association import open_association
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.audit.audit_trail import AuditTrail, bind_query_audit
from dicom_gateway.reception.caller_settings import CallerSettings
from tests.films import read, small_film
from tests.integration.conftest import store_raw
from tests.integration.delivery.couriers import courier, look, make_reports, peer
from tests.integration.listening import gateway
from tests.servers.audit_schema import check
from tests.servers.pacs import storescp
from tests.servers.peers.commitment_scp import AE_TITLE, commitment_scp
from tests.servers.ports import free_port, wait_until

FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def records(folder: Path) -> list[tuple[str, Element]]:
    """Each record's event and its XML, checked against the schema."""
    found = []
    for line in (folder / "test.log").read_bytes().splitlines():
        message = fromstring(line)
        check(message)
        code = message.find("EventIdentification/EventID")
        assert code is not None
        found.append((code.attrib["originalText"], message))
    return found


def trail(folder: Path) -> AuditTrail:
    return AuditTrail(AuditSettings(), folder, "test", "TBSCREEN")


def event(message: Element) -> dict[str, str]:
    found = message.find("EventIdentification")
    assert found is not None
    return found.attrib


def objects(message: Element) -> list[str]:
    return [
        audited.attrib["ParticipantObjectID"]
        for audited in message.findall("ParticipantObjectIdentification")
    ]


def test_reception_is_recorded_new_again_and_corrected_and_refusals_are(
    sqlite_database: Database, tmp_path: Path
) -> None:
    path = small_film(tmp_path, PatientID="4711")
    film = read(path)
    corrected = tmp_path / "corrected.dcm"
    film.PatientName = f"{film.PatientName}^"
    film.save_as(corrected)
    audit = trail(tmp_path / "audit")
    only = (CallerSettings(ae_title="MODALITY"),)
    port = free_port()
    audit.record_start()
    with gateway(sqlite_database, tmp_path / "spool", port, audit, callers=only):
        for sent in (path, path, corrected):
            assert store_raw(port, sent) == 0x0000
        stranger = AE(ae_title="STRANGER").associate(
            "127.0.0.1", port, contexts=[build_context("1.2.840.10008.1.1")], ae_title="TBSCREEN"
        )
        assert stranger.is_rejected
    audit.record_stop()
    audit.close()
    told = records(tmp_path / "audit")
    assert [name for name, _ in told] == [
        "Application Activity",
        *["DICOM Instances Transferred"] * 3,
        "Security Alert",
        "Application Activity",
    ]
    transfers = [message for name, message in told if name == "DICOM Instances Transferred"]
    assert [event(transfer)["EventActionCode"] for transfer in transfers] == ["C", "R", "U"]
    study = str(film.StudyInstanceUID)
    assert [objects(transfer) for transfer in transfers] == [
        [study, "4711"],
        [study, "4711"],
        [study, "4711"],
    ]
    sender, receiver = transfers[0].findall("ActiveParticipant")
    assert (sender.attrib["UserID"], sender.attrib["UserIsRequestor"]) == ("MODALITY", "true")
    assert sender.attrib["NetworkAccessPointID"] == "127.0.0.1"
    assert receiver.attrib["AlternativeUserID"] == "AETITLES=TBSCREEN"
    alert = told[4][1]
    assert event(alert)["EventOutcomeIndicator"] == "8"
    assert objects(alert) == ["127.0.0.1"]
    (detail,) = alert.iter("ParticipantObjectDetail")
    assert b"calling AE title not among the callers" in base64.b64decode(detail.attrib["value"])


def test_a_film_whose_patient_id_cannot_be_read_is_taken_and_recorded_all_the_same(
    sqlite_database: Database, tmp_path: Path
) -> None:
    path = small_film(tmp_path, PatientID="4711")
    content = path.read_bytes()
    at = content.index(b"\x10\x00\x20\x00LO")
    path.write_bytes(content[: at + 4] + b"FL" + content[at + 6 :])  # a number of 4 digits that is no number
    broken = path.read_bytes().replace(b"FL\x04\x004711", b"FL\x03\x00471")
    path.write_bytes(broken)
    audit = trail(tmp_path / "audit")
    port = free_port()
    with gateway(sqlite_database, tmp_path / "spool", port, audit):
        assert store_raw(port, path) == 0x0000
    audit.close()
    names = [name for name, _ in records(tmp_path / "audit")]
    assert names == ["DICOM Instances Transferred"]


def test_deliveries_are_recorded_with_their_outcome(sqlite_database: Database, tmp_path: Path) -> None:
    (uid,) = make_reports(sqlite_database, 1, ["good", "full", "away"], tmp_path)
    audit = trail(tmp_path / "audit")
    with (
        storescp(tmp_path / "good") as good,
        commitment_scp(tmp_path / "full", "--status", str(0xA900)) as refusing,
    ):
        peers = [
            peer("good", good.ae_title, good.port),
            peer("full", AE_TITLE, refusing.port),
            peer("away", "AWAY", free_port()),
        ]
        with courier(sqlite_database, peers, audit=audit):
            for name, state in (("good", "delivered"), ("full", "parked")):
                wait_until(
                    lambda name=name, state=state: look(sqlite_database, name).states == [state], 30, name
                )
            wait_until(lambda: any(look(sqlite_database, "away").errors), 30, "one is away")
    by_peer = {}
    for name, message in records(tmp_path / "audit"):
        ours, theirs = message.findall("ActiveParticipant")
        assert ours.attrib["AlternativeUserID"] == "AETITLES=TBSCREEN"
        assert uid in [instance.attrib["UID"] for instance in message.iter("Instance")]
        by_peer.setdefault(theirs.attrib["UserID"], []).append((name, event(message)))
    begun, done = "Begin Transferring DICOM Instances", "DICOM Instances Transferred"
    assert [(name, found["EventOutcomeIndicator"]) for name, found in by_peer["STORESCP"]] == [
        (begun, "0"),
        (done, "0"),
    ]
    assert [(name, found["EventOutcomeIndicator"]) for name, found in by_peer[AE_TITLE]] == [
        (begun, "0"),
        (done, "8"),
    ]
    assert "AWAY" not in by_peer, "nothing was begun"


def test_our_queries_and_those_of_others_are_recorded_as_they_were_asked(tmp_path: Path) -> None:
    asked, asking = trail(tmp_path / "asked"), trail(tmp_path / "asking")
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = generate_uid()
    scp = AE(ae_title="WORKLIST")
    scp.add_supported_context(FIND)
    received = [*bind_query_audit(asked, evt.EVT_DIMSE_RECV), (evt.EVT_C_FIND, lambda event: iter([]))]
    server = scp.start_server(("127.0.0.1", 0), block=False, evt_handlers=received)
    try:
        association = open_association(
            peer("list", "WORKLIST", server.server_address[1]),
            "TBSCREEN",
            [build_context(FIND)],
            10,
            handlers=bind_query_audit(asking, evt.EVT_DIMSE_SENT),
        )
        assert [status.Status for status, _ in association.send_c_find(query, FIND)] == [0x0000]
        association.release()
    finally:
        server.shutdown()
    for folder, requestor in (("asked", True), ("asking", False)):
        ((name, message),) = records(tmp_path / folder)
        assert name == "Query"
        assert objects(message) == [FIND]
        first, _ = message.findall("ActiveParticipant")
        assert first.attrib["UserIsRequestor"] == ("true" if requestor else "false")
        (encoded,) = message.iter("ParticipantObjectQuery")
        assert query.StudyInstanceUID.encode() in base64.b64decode(encoded.text or "")
