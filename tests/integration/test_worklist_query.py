"""C-FIND on the worklist by other people's clients: pynetdicom's findscu (UPS) and DCMTK's (Study Root)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE, Association

from db.database import Database
from db.films import films
from db.patients.patient_changes import Author, move_study
from db.worklist import reads
from db.worklist.studies import StudyHeader
from dicom_gateway.query.query_settings import QuerySettings
from dicom_gateway.query.worklist_attributes import PRIVATE_CREATOR
from dicom_gateway.query.worklist_scp import STUDY_ROOT, UPS_PULL, UPS_QUERY
from domain.codes import Finding, Priority, Refusal, Verdict
from domain.patient_identity import Patient
from tests.integration.listening import gateway
from tests.servers.pacs import need
from tests.servers.ports import free_port
from tests.unit import rows
from tests.unit.worklists import insert_studies, make_studies

RICH: dict[str, Any] = {
    "00102000": {"vr": "LO", "Value": ["latex"]},
    "001021C0": {"vr": "US", "Value": [4]},
    "00101002": {
        "vr": "SQ",
        "Value": [
            {"00100020": {"vr": "LO", "Value": ["other"]}, "00100021": {"vr": "LO", "Value": ["town"]}}
        ],
    },
    "00402016": {"vr": "LO", "Value": ["P-2"]},
    "00400275": {"vr": "SQ", "Value": [{"00401001": {"vr": "SH", "Value": ["RP2"]}}]},
    "00321064": {
        "vr": "SQ",
        "Value": [
            {
                "00080100": {"vr": "SH", "Value": ["30745-4"]},
                "00080102": {"vr": "SH", "Value": ["LN"]},
                "00080103": {"vr": "SH", "Value": ["2.77"]},
                "00080104": {"vr": "LO", "Value": ["XR Chest Views"]},
            }
        ],
    },
}
"""Header values of a thorough modality on patient and request."""

JAPANESE = "Yamada^Tarou=山田^太郎=やまだ^たろう"


@pytest.fixture
def port(sqlite_database: Database, tmp_path: Path) -> Iterator[int]:
    """A gateway whose queries may have 400 answers, for which 600 studies may be looked at."""
    number = free_port()
    limits = QuerySettings(
        maximum_answers=400, maximum_examined=600, worklist_label="Reading room 1", accept_ups_pull=True
    )
    with gateway(sqlite_database, tmp_path / "spool", number, query=limits):
        yield number


@pytest.fixture
def filled(sqlite_database: Database) -> Database:
    """In order: 1.2 HIGH, 1.1 MEDIUM, 1.3 LOW, 1.5 refused, 1.4 waiting; 1.6 HIGH but read."""
    rows.register_model(sqlite_database)
    for number, name, date, score, priority, station in (
        (1, "Müller^Jürgen", "20260301", 0.5, Priority.MEDIUM, "ROOM1"),
        (2, JAPANESE, "20260302", 0.9123, Priority.HIGH, "VAN"),
        (3, "Doe^Jane", "20260303", 0.1, Priority.LOW, "ROOM2"),
        (6, "Doe^John", "20260303", 0.99, Priority.HIGH, "ROOM2"),
    ):
        header = StudyHeader(
            f"1.{number}", f"A{number}", f"P{number}", name, "19700101", "F", date, f"1{number}3000"
        )
        film = rows.receive_and_queue(
            sqlite_database,
            f"1.{number}.1",
            study=header,
            station_name=station,
            modality="CR" if number == 3 else "DX",
            header={
                "00200010": {"vr": "SH", "Value": [f"ID{number}"]},
                "00080090": {"vr": "PN", "Value": [{"Alphabetic": "House^G"}]},
                "00200011": {"vr": "IS", "Value": [number]},
                "00200013": {"vr": "IS", "Value": [7]},
                **(RICH if number == 2 else {}),
            },
        )
        rows.screen(sqlite_database, film, score, Finding.PRESENT, priority)
    refused = rows.receive(sqlite_database, "1.5.1", study=StudyHeader("1.5", "A5", "P5", "Иванов^Иван"))
    rows.receive(sqlite_database, "1.4.1", study=StudyHeader("1.4", "A4", "P4"))
    with sqlite_database.write() as session:
        films.refuse(session, refused.instance_id, Refusal.NOT_FRONTAL, "a lateral")
        reads.record(session, "1.6", Verdict.TB, "a reader")
    return sqlite_database


def ask_by_dcmtk(port: int, *keys: str, level: str = "STUDY") -> list[Dataset]:
    """Run DCMTK's findscu; returns the answers."""
    with tempfile.TemporaryDirectory() as folder:
        words = [
            need("findscu", "dcmtk"),
            "-S",
            "-X",
            "-od",
            folder,
            "-aec",
            "TBSCREEN",
            "127.0.0.1",
            str(port),
        ]
        for key in (f"QueryRetrieveLevel={level}", *keys):
            words += ["-k", key]
        run = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, run.stderr
        return [dcmread(path, force=True) for path in sorted(Path(folder).glob("rsp*.dcm"))]


def ask_by_pynetdicom(port: int, *keys: str) -> list[Dataset]:
    """Run pynetdicom's findscu for procedure steps, by UPS Pull, as it does; returns the answers."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "pynetdicom", "findscu", "-U", "-w", "-aec", "TBSCREEN"]
        for key in keys:
            words += ["-k", key]
        run = subprocess.run(
            [*words, "127.0.0.1", str(port)],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert "Failure" not in run.stderr, run.stderr
        return [dcmread(path, force=True) for path in sorted(Path(folder).glob("rsp*.dcm"))]


def list_uids(answers: list[Dataset]) -> list[str]:
    return [str(answer.StudyInstanceUID) for answer in answers]


STUDY_QUERIES = [
    ([], ["1.2", "1.1", "1.3", "1.5", "1.4", "1.6"]),
    (["StudyInstanceUID=1.3\\1.2\\1.99"], ["1.2", "1.3"]),
    (["PatientID=P1"], ["1.1"]),
    (["PatientID=p1"], []),
    (["AccessionNumber=A?"], ["1.2", "1.1", "1.3", "1.5", "1.4", "1.6"]),
    (["AccessionNumber=*3"], ["1.3"]),
    (["PatientName=doe^*"], ["1.3", "1.6"]),
    (["PatientName=MULLER*"], ["1.1"]),
    (["StudyDate=20260301-20260302"], ["1.2", "1.1"]),
    (["StudyDate=20260303-"], ["1.3", "1.6"]),
    (["StudyDate=-20260301"], ["1.1"]),
    (["StudyDate=20260302", "StudyTime=1230"], ["1.2"]),
    (["StudyTime=1100-1200"], ["1.1"]),
    (["ModalitiesInStudy=CR"], ["1.3"]),
    (["ModalitiesInStudy=D*", "StationName=ROOM?"], ["1.1", "1.6"]),
    (["StudyID=ID3"], ["1.3"]),
    (["ReferringPhysicianName=house*"], ["1.2", "1.1", "1.3", "1.6"]),
    (["PatientSex=M"], []),
    (["PatientBirthDate=19700101"], ["1.2", "1.1", "1.3", "1.6"]),
    (["SeriesDescription=ignored"], ["1.2", "1.1", "1.3", "1.5", "1.4", "1.6"]),
]


def test_studies_in_order_and_filtered(filled: Database, port: int) -> None:
    for keys, uids in STUDY_QUERIES:
        asked = keys if any("StudyInstanceUID" in key for key in keys) else ["StudyInstanceUID", *keys]
        found = list_uids(ask_by_dcmtk(port, *asked))
        assert found == uids, keys


def test_an_answer_holds_what_was_asked_for_and_no_more(filled: Database, port: int) -> None:
    (answer,) = ask_by_dcmtk(
        port,
        "StudyInstanceUID=1.2",
        "PatientName",
        "StudyID",
        "ModalitiesInStudy",
        "NumberOfStudyRelatedInstances",
        "InstitutionName",
    )
    assert answer.SpecificCharacterSet == "ISO_IR 192"
    assert str(answer.PatientName) == JAPANESE
    assert (answer.StudyID, answer.ModalitiesInStudy) == ("ID2", "DX")
    assert answer.NumberOfStudyRelatedInstances == 1
    assert "InstitutionName" not in answer
    assert "PatientID" not in answer


def test_private_keys_say_finding_probability_and_model(filled: Database, port: int) -> None:
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", ""
    block = asked.private_block(0x0077, PRIVATE_CREATOR, create=True)
    for number in (*range(1, 9), 0x0A):
        block.add_new(number, "LO", "high" if number == 3 else "")
    (status, first), (_, second) = find(port, STUDY_ROOT, asked)
    assert status == 0xFF00
    answered = first.private_block(0x0077, PRIVATE_CREATOR)
    values = [str(answered[number].value or "") for number in range(1, 8)]
    assert values == ["PRESENT", "91.23", "HIGH", "SCREENED", "test-model 1.0", "", ""]
    assert (answered[0x0A].VR, answered[0x0A].value) == ("IS", 91)
    assert second.private_block(0x0077, PRIVATE_CREATOR)[7].value == "TB"


STEP_QUERIES = [
    ([], ["1.2", "1.1", "1.3", "1.5", "1.4", "1.6"]),
    (["ProcedureStepState=SCHEDULED"], ["1.2", "1.1", "1.3", "1.5", "1.4"]),
    (["ProcedureStepState=COMPLETED"], ["1.6"]),
    (["ProcedureStepState=CANCELED"], []),
    (["ScheduledProcedureStepPriority=HIGH"], ["1.2", "1.6"]),
    (["ScheduledProcedureStepPriority=LOW", "InputReadinessState=READY"], ["1.3", "1.5"]),
    (["InputReadinessState=INCOMPLETE"], ["1.4"]),
    (["WorklistLabel=Reading room 1", "PatientName=Doe*"], ["1.3", "1.6"]),
    (["WorklistLabel=Reading room 2"], []),
    (["ScheduledProcedureStepStartDateTime=2000-2001"], []),
    (["ReferencedRequestSequence[0].AccessionNumber=A3"], ["1.3"]),
    (["ScheduledWorkitemCodeSequence[0].CodeValue=110005", "PatientID=P2"], ["1.2"]),
    (["ScheduledWorkitemCodeSequence[0].CodeValue=110006"], []),
    (["ScheduledStationNameCodeSequence[0].CodeValue=X"], []),
    (["ScheduledHumanPerformersSequence[0].HumanPerformerName=X"], []),
    (["IssuerOfAdmissionIDSequence[0].LocalNamespaceEntityID=X"], []),
    (["ReplacedProcedureStepSequence[0].ReferencedSOPInstanceUID=1.9"], []),
    (["ReferencedRequestSequence[0].RequestedProcedureID=RP2"], ["1.2"]),
    (["OtherPatientIDsSequence[0].PatientID=other"], ["1.2"]),
]


def _set(asked: Dataset, key: str) -> None:
    """Set a key as findscu does: `Keyword=value`, or `Sequence[0].Keyword=value`."""
    path, _, value = key.partition("=")
    if "[0]." in path:
        sequence, path = path.split("[0].")
        setattr(asked, sequence, [Dataset()])
        asked = getattr(asked, sequence)[0]
    setattr(asked, path, value)


@pytest.mark.parametrize("sop_class", [UPS_QUERY, UPS_PULL])
def test_procedure_steps_in_order_and_filtered(filled: Database, port: int, sop_class: str) -> None:
    for keys, uids in STEP_QUERIES:
        asked = Dataset()
        asked.StudyInstanceUID = ""
        for key in keys:
            _set(asked, key)
        found = [str(answer.StudyInstanceUID) for _, answer in find(port, sop_class, asked)]
        assert found == uids, keys


def test_procedure_steps_by_findscu(filled: Database, port: int) -> None:
    for keys, uids in STEP_QUERIES[:2]:
        assert list_uids(ask_by_pynetdicom(port, "StudyInstanceUID=", *keys)) == uids


def test_a_procedure_step_says_the_result(filled: Database, port: int) -> None:
    keys = ["ScheduledProcessingParametersSequence=", "InputInformationSequence=", "SOPInstanceUID="]
    keys += ["PatientName=", "ScheduledHumanPerformersSequence=", "PatientID=P2", "SOPClassUID="]
    (answer,) = ask_by_pynetdicom(port, *keys, "CommentsOnTheScheduledProcedureStep=")
    finding, certainty, algorithm = answer.ScheduledProcessingParametersSequence
    assert certainty.ConceptNameCodeSequence[0].CodeValue == "111012"
    assert (certainty.NumericValue, certainty.MeasurementUnitsCodeSequence[0].CodeValue) == (91.23, "%")
    assert (finding.TextValue, algorithm.TextValue) == ("Present", "test-model 1.0")
    assert "NumericValue" not in finding
    (series,) = answer.InputInformationSequence
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.1"
    assert str(answer.PatientName) == JAPANESE
    assert answer.CommentsOnTheScheduledProcedureStep == (
        "AI result, not verified by a physician: present, TB score 91 of 100"
    )
    assert answer.SOPClassUID == "1.2.840.10008.5.1.4.34.6.1"
    assert not answer.ScheduledHumanPerformersSequence
    (again,) = ask_by_pynetdicom(port, f"SOPInstanceUID={answer.SOPInstanceUID}", "PatientID=")
    assert again.PatientID == "P2"


RETURN_KEYS_TYPE_1 = [
    "SOPClassUID",
    "SOPInstanceUID",
    "ScheduledProcedureStepPriority",
    "ProcedureStepLabel",
    "WorklistLabel",
    "ScheduledProcedureStepStartDateTime",
    "InputReadinessState",
    "ProcedureStepState",
]
RETURN_KEYS_TYPE_2 = [
    "ScheduledProcessingParametersSequence",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledHumanPerformersSequence",
    "ScheduledWorkitemCodeSequence",
    "InputInformationSequence",
    "StudyInstanceUID",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "OtherPatientIDsSequence",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ProcedureStepProgressInformationSequence",
]
REQUEST_RETURN_KEYS = [
    "StudyInstanceUID",
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "OrderPlacerIdentifierSequence",
    "OrderFillerIdentifierSequence",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
]


def test_all_return_keys_that_the_standard_requires_are_answered(filled: Database, port: int) -> None:
    """PS3.4 Table CC.2.5-3: type 1 with a value, type 2 present, types 1C and 2C where the film has it."""
    keys = [*RETURN_KEYS_TYPE_1, *RETURN_KEYS_TYPE_2, "MedicalAlerts", "PregnancyStatus", "SpecialNeeds"]
    answers = ask_by_pynetdicom(port, *(f"{key}=" for key in keys))
    assert len(answers) == 6
    for answer in answers:
        assert [key for key in RETURN_KEYS_TYPE_1 if not answer.get(key)] == []
        assert [key for key in RETURN_KEYS_TYPE_2 if key not in answer] == []
        (request,) = answer.ReferencedRequestSequence
        assert [key for key in REQUEST_RETURN_KEYS if key not in request] == []
        (series,) = answer.InputInformationSequence
        assert series.DICOMRetrievalSequence[0].RetrieveAETitle == "MODALITY"
    assert (answers[0].MedicalAlerts, answers[0].PregnancyStatus) == ("latex", 4)
    assert "MedicalAlerts" not in answers[1]
    assert "PregnancyStatus" not in answers[1]
    (other,) = answers[0].OtherPatientIDsSequence
    assert (other.PatientID, other.IssuerOfPatientID, len(other.IssuerOfPatientIDQualifiersSequence)) == (
        "other",
        "town",
        0,
    )
    (request,) = answers[0].ReferencedRequestSequence
    assert (request.RequestedProcedureID, request.PlacerOrderNumberImagingServiceRequest) == ("RP2", "P-2")
    (code,) = request.RequestedProcedureCodeSequence
    assert (code.CodeValue, code.CodingSchemeVersion) == ("30745-4", "2.77")
    assert "PlacerOrderNumberImagingServiceRequest" not in answers[1].ReferencedRequestSequence[0]


def test_a_moved_study_s_step_says_nothing_of_the_patient_before(filled: Database, port: int) -> None:
    values = {"0020000D": ("UI", "1.7"), "00100020": ("LO", "P7"), "00100021": ("LO", "HERE")}
    was = {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in values.items()}
    header = StudyHeader("1.7", "A7", "P7", patient_id_issuer="HERE")
    rows.receive(filled, "1.7.1", study=header, header={**RICH, **was})
    keys = ("IssuerOfPatientID=", "OtherPatientIDsSequence=", "MedicalAlerts=", "PatientID=")
    (before,) = ask_by_pynetdicom(port, "StudyInstanceUID=1.7", *keys)
    assert (before.IssuerOfPatientID, len(before.OtherPatientIDsSequence)) == ("HERE", 1)
    assert before.MedicalAlerts == "latex"
    with filled.write() as session:
        move_study(session, "1.7", Patient("P9", "THERE"), Author("me", "wrong entry"))
    (after,) = ask_by_pynetdicom(port, "StudyInstanceUID=1.7", *keys)
    assert (after.PatientID, after.IssuerOfPatientID) == ("P9", "THERE")
    assert (len(after.OtherPatientIDsSequence), "MedicalAlerts" in after) == (0, False)


def test_series_and_instances_of_a_study(filled: Database, port: int) -> None:
    rows.receive(filled, "1.2.2", study=StudyHeader("1.2"), series_instance_uid="1.2.8", modality="CR")
    series = ask_by_dcmtk(
        port, "StudyInstanceUID=1.2", "SeriesInstanceUID", "Modality", "SeriesNumber", level="SERIES"
    )
    assert [(a_series.SeriesInstanceUID, a_series.Modality) for a_series in series] == [
        ("1.2.9", "DX"),
        ("1.2.8", "CR"),
    ]
    assert series[0].SeriesNumber == 2
    (image,) = ask_by_dcmtk(
        port, "StudyInstanceUID=1.2", "SeriesInstanceUID=1.2.8", "SOPInstanceUID", level="IMAGE"
    )
    assert image.SOPInstanceUID == "1.2.2"


def find(port: int, sop_class: str, identifier: Dataset) -> list[tuple[int, Any]]:
    """Ask, and return each status with its answer."""
    with associate(port, sop_class) as association:
        return [
            (int(status.Status), answer)
            for status, answer in association.send_c_find(identifier, sop_class)
            if int(status.Status) != 0
        ]


@contextmanager
def associate(port: int, sop_class: str) -> Iterator[Association]:
    client = AE(ae_title="RIS")
    client.add_requested_context(sop_class)
    association = client.associate("127.0.0.1", port, ae_title="TBSCREEN")
    assert association.is_established
    yield association
    association.release()


def test_what_a_header_should_not_hold_is_answered_all_the_same(filled: Database, port: int) -> None:
    header = {
        "00200011": {"vr": "IS", "Value": ["1.5x"]},
        "00200010": {"vr": "SH", "Value": ["longer than sixteen characters"]},
    }
    study = StudyHeader("1.7", "A7-" + "x" * 40, study_date="20261399", study_time="noon")
    rows.receive(filled, "1.7.1", study=study, header=header)
    keys = ["StudyID", "AccessionNumber", "StudyDate", "StudyTime"]
    (answer,) = ask_by_dcmtk(port, "StudyInstanceUID=1.7", *keys)
    assert (answer.StudyID, answer.StudyDate) == ("longer than sixteen characters", "20261399")
    (series,) = ask_by_dcmtk(port, "StudyInstanceUID=1.7", "SeriesNumber", level="SERIES")
    assert series.SeriesNumber is None
    assert ask_by_dcmtk(port, "StudyInstanceUID=1.7", "StudyTime=12-13") == []


@pytest.mark.parametrize("key", ["山田*", "山田^太郎", "*=山田*", "YAMADA*", "やまだ*"])
def test_names_in_any_script_are_asked_for_and_answered(filled: Database, port: int, key: str) -> None:
    asked = Dataset()
    asked.SpecificCharacterSet = "ISO_IR 192"
    asked.QueryRetrieveLevel, asked.StudyInstanceUID, asked.PatientName = "STUDY", "", key
    ((_, answer),) = find(port, STUDY_ROOT, asked)
    assert str(answer.PatientName) == JAPANESE


def test_a_name_in_another_character_set_finds_its_study(filled: Database, port: int) -> None:
    asked = Dataset()
    asked.SpecificCharacterSet = "ISO_IR 144"
    asked.QueryRetrieveLevel, asked.StudyInstanceUID, asked.PatientName = "STUDY", "", "Иванов*"
    ((_, answer),) = find(port, STUDY_ROOT, asked)
    assert answer.StudyInstanceUID == "1.5"


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    (STUDY_ROOT, {}),
    (STUDY_ROOT, {"QueryRetrieveLevel": "PATIENT"}),
    (STUDY_ROOT, {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.2.*"}),
    (STUDY_ROOT, {"QueryRetrieveLevel": "STUDY", "PatientID": "P\0x"}),
    (STUDY_ROOT, {"QueryRetrieveLevel": "STUDY", "StudyDate": "-"}),
    (STUDY_ROOT, {"QueryRetrieveLevel": "STUDY", "StudyTime": "99"}),
    (STUDY_ROOT, {"QueryRetrieveLevel": "STUDY", "NumberOfStudyRelatedInstances": "3"}),
    (STUDY_ROOT, {"QueryRetrieveLevel": "STUDY", "PatientID": ["x"] * 1001}),
    (STUDY_ROOT, {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": ""}),
    (STUDY_ROOT, {"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": "1.2"}),
    (UPS_QUERY, {"ScheduledWorkitemCodeSequence": [Dataset(), Dataset()]}),
    (UPS_QUERY, {"ScheduledProcedureStepStartDateTime": "yesterday"}),
]


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_hostile_identifiers_are_refused_and_the_next_query_is_answered(filled: Database, port: int) -> None:
    for sop_class, elements in HOSTILE:
        asked = Dataset()
        for keyword, value in elements.items():
            setattr(asked, keyword, value)
        asked.PatientWeight = ""
        assert [status for status, _ in find(port, sop_class, asked)] == [0xA900], elements
    assert len(ask_by_dcmtk(port, "StudyInstanceUID=1.2")) == 1


def test_more_than_a_query_may_have_is_out_of_resources(sqlite_database: Database, port: int) -> None:
    insert_studies(sqlite_database, make_studies(1000))
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", ""
    statuses = [status for status, _ in find(port, STUDY_ROOT, asked)]
    assert statuses == [0xFF00] * 400 + [0xA700]
    asked.StudyDescription = "*nothing like it*"  # no index knows it
    assert [status for status, _ in find(port, STUDY_ROOT, asked)] == [0xA700]
    asked.StudyDescription, asked.PatientID = "", "P7"
    assert {status for status, _ in find(port, STUDY_ROOT, asked)} == {0xFF00}


def test_a_cancelled_query_ends(sqlite_database: Database, port: int) -> None:
    insert_studies(sqlite_database, make_studies(390))
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", ""
    with associate(port, STUDY_ROOT) as association:
        statuses = []
        for status, _ in association.send_c_find(asked, STUDY_ROOT, msg_id=7):
            statuses.append(int(status.Status))
            if len(statuses) == 1:
                association.send_c_cancel(7, query_model=STUDY_ROOT)
        assert statuses[-1] == 0xFE00
        assert len(statuses) < 390
        assert association.is_established


def test_several_ask_at_once(filled: Database, port: int) -> None:
    found: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: found.append(list_uids(ask_by_dcmtk(port, "StudyInstanceUID"))))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [answer[0] for answer in found] == ["1.2"] * 5


def test_queries_can_be_switched_off(sqlite_database: Database, tmp_path: Path) -> None:
    number = free_port()
    with gateway(sqlite_database, tmp_path / "spool", number, query=QuerySettings(enabled=False)):
        client = AE(ae_title="RIS")
        client.add_requested_context(STUDY_ROOT)
        client.add_requested_context("1.2.840.10008.1.1")
        association = client.associate("127.0.0.1", number, ae_title="TBSCREEN")
        assert [context.abstract_syntax for context in association.accepted_contexts] == ["1.2.840.10008.1.1"]
        association.release()
