"""Study Root and Patient Root: each answer says its level and where the films are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from sqlalchemy import insert

from db.clock import now
from db.database import Database
from db.states import CommitmentState, PulledStudyState, PullState
from db.tables import CommitmentItem, Delivery, Pull, PulledStudy
from db.worklist.studies import StudyHeader
from dicom_gateway.query.query_settings import QuerySettings
from dicom_gateway.query.worklist_scp import PATIENT_ROOT, STUDY_ROOT, UPS_PULL
from dicom_gateway.settings import PeerSettings
from tests.integration.listening import gateway
from tests.servers.ports import free_port
from tests.unit import rows

PEERS = [
    PeerSettings(name="pacs", ae_title="PACS1", host="127.0.0.1", port=104),
    PeerSettings(name="vna", ae_title="VNA", host="127.0.0.1", port=104),
]


@pytest.fixture
def filled(sqlite_database: Database) -> Database:
    """Studies 1.1 and 1.2 of patient P1, 1.3 of patient P2, each with a screened film."""
    rows.register_model(sqlite_database)
    for uid, patient in (("1.1", "P1"), ("1.2", "P1"), ("1.3", "P2")):
        header = StudyHeader(uid, patient_id=patient, patient_name=f"Doe^{patient}")
        rows.screen(sqlite_database, rows.receive_and_queue(sqlite_database, f"{uid}.1", study=header))
    return sqlite_database


@pytest.fixture
def port(filled: Database, tmp_path: Path) -> Iterator[int]:
    number = free_port()
    query = QuerySettings(accept_ups_pull=True)
    with gateway(filled, tmp_path / "spool", number, peers=PEERS, query=query):
        yield number


def find(port: int, sop_class: str, **keys: str) -> list[tuple[int, Dataset | None]]:
    """Ask, and return each status with its answer, the final one left out."""
    client = AE(ae_title="RIS")
    client.add_requested_context(sop_class)
    association = client.associate("127.0.0.1", port, ae_title="TBSCREEN")
    assert association.is_established
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    try:
        found = [
            (int(status.Status), answer) for status, answer in association.send_c_find(identifier, sop_class)
        ]
    finally:
        association.release()
    return [(status, answer) for status, answer in found if status != 0]


def describe(found: list[tuple[int, Dataset | None]], *keywords: str) -> set[tuple[str, ...]]:
    assert {status for status, _ in found} == {0xFF00}
    return {tuple(str(answer.get(name, "missing")) for name in keywords) for _, answer in found if answer}


LEVELS = {
    "STUDY": {},
    "SERIES": {"StudyInstanceUID": "1.1", "SeriesInstanceUID": ""},
    "IMAGE": {"StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.9", "SOPInstanceUID": ""},
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("location", [{}, {"RetrieveAETitle": "", "InstanceAvailability": ""}], ids=len)
def test_an_answer_says_its_level_and_that_nothing_can_be_retrieved(
    level: str, location: dict[str, str], port: int
) -> None:
    found = find(port, STUDY_ROOT, QueryRetrieveLevel=level, **LEVELS[level], **location)

    expected = {(level, "missing", "UNAVAILABLE")}
    assert describe(found, "QueryRetrieveLevel", "RetrieveAETitle", "InstanceAvailability") == expected


def test_the_pacs_of_the_settings_is_where_the_films_are(filled: Database, tmp_path: Path) -> None:
    number = free_port()
    query = QuerySettings(retrieve_ae_title="ARCHIVE")
    with gateway(filled, tmp_path / "spool", number, peers=PEERS, query=query):
        found = find(number, STUDY_ROOT, QueryRetrieveLevel="STUDY")

    assert describe(found, "RetrieveAETitle", "InstanceAvailability") == {("ARCHIVE", "missing")}


def list_study(database: Database, peer: str, study_instance_uid: str) -> None:
    """Write what a pull writes of a study that a peer listed."""
    with database.write() as session:
        pull = Pull(
            name=f"pull {peer}",
            peer=peer,
            first_date="20260101",
            last_date="20260102",
            state=PullState.COMPLETE.value,
            due_at=now(),
        )
        session.add(pull)
        session.flush()
        study = PulledStudy(
            peer=peer,
            study_instance_uid=study_instance_uid,
            pull_id=pull.id,
            state=PulledStudyState.COMPLETE.value,
            due_at=now(),
            found_at=now(),
        )
        session.add(study)


def test_a_peer_that_listed_the_study_or_committed_its_report_is_named(filled: Database, port: int) -> None:
    list_study(filled, "pacs", "1.1")
    list_study(filled, "a peer that is no longer set", "1.3")
    rows.report(filled, peers=["vna"])
    with filled.write() as session:
        deliveries = session.query(Delivery).order_by(Delivery.id).all()
        values = {"due_at": now(), "wanted_at": now()}
        for delivery, state in zip(
            deliveries,
            (CommitmentState.COMMITTED, CommitmentState.ASKED, CommitmentState.FAILED),
            strict=True,
        ):
            session.execute(
                insert(CommitmentItem).values(delivery_id=delivery.id, state=state.value, **values)
            )
    found = find(port, STUDY_ROOT, QueryRetrieveLevel="STUDY", StudyInstanceUID="")

    assert describe(found, "StudyInstanceUID", "RetrieveAETitle", "InstanceAvailability") == {
        ("1.1", "['PACS1', 'VNA']", "missing"),
        ("1.2", "missing", "UNAVAILABLE"),
        ("1.3", "missing", "UNAVAILABLE"),
    }


def test_patients_are_answered_once_each(port: int) -> None:
    found = find(port, PATIENT_ROOT, QueryRetrieveLevel="PATIENT", PatientID="", PatientName="Doe*")
    assert len(found) == 2
    expected = {("PATIENT", "P1", "Doe^P1"), ("PATIENT", "P2", "Doe^P2")}
    assert describe(found, "QueryRetrieveLevel", "PatientID", "PatientName") == expected


def test_below_a_patient_its_id_is_required(port: int) -> None:
    for level, keys in LEVELS.items():
        found = find(port, PATIENT_ROOT, QueryRetrieveLevel=level, PatientID="P1", **keys)
        assert describe(found, "QueryRetrieveLevel", "PatientID") == {(level, "P1")}
        assert not find(port, PATIENT_ROOT, QueryRetrieveLevel=level, **{**keys, "PatientID": "P9"})
        for patient in ({}, {"PatientID": ""}, {"PatientID": "P*"}):
            found = find(port, PATIENT_ROOT, QueryRetrieveLevel=level, **{**keys, **patient})
            assert [status for status, _ in found] == [0xA900]


UNRECOGNIZED_OPERATION = 0x0211


def test_the_other_operations_of_ups_pull_are_answered_with_a_status_of_the_standard(port: int) -> None:
    client = AE(ae_title="RIS")
    client.add_requested_context(UPS_PULL)
    association = client.associate("127.0.0.1", port, ae_title="TBSCREEN")
    step = "1.2.840.10008.5.1.4.34.6.1"
    try:
        got, _ = association.send_n_get([0x00741000, 0x00741200], step, "1.2.3", meta_uid=UPS_PULL)
        assert got.Status == UNRECOGNIZED_OPERATION
        changed = Dataset()
        changed.ProcedureStepState = "COMPLETED"
        was_set, _ = association.send_n_set(changed, step, "1.2.3", meta_uid=UPS_PULL)
        assert was_set.Status == UNRECOGNIZED_OPERATION
        done, _ = association.send_n_action(changed, 1, step, "1.2.3", meta_uid=UPS_PULL)
        assert done.Status == UNRECOGNIZED_OPERATION
        assert association.is_established
    finally:
        association.release()
