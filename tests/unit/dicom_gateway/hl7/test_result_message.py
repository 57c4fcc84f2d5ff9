"""Messages on films, held against the tables of HL7 2.5.1 by another implementation, hl7apy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from dicom_gateway.hl7.order_segments import read_observation_time
from dicom_gateway.hl7.patient_segment import UnknownPatientError
from dicom_gateway.hl7.result_message import compose_refusal, compose_result, compose_withdrawal
from dicom_gateway.results.report_wording import find_tb_score
from dicom_gateway.settings import CourierSettings
from domain.codes import MessageKind
from domain.notices import NOT_VERIFIED
from domain.patient_identity import Patient
from tests.films import real_film, small_film
from tests.unit.dicom_gateway.hl7.messages import (
    PATIENT,
    SETTINGS,
    check,
    make_envelope,
    make_standing,
    split,
)
from tests.unit.reportable import make_screening

COURIER = CourierSettings()


def compose(kind: MessageKind = MessageKind.RESULT, control_id: str = "CONTROL1", **changes: object) -> bytes:
    return compose_result(make_standing(**changes), make_envelope(kind, control_id), SETTINGS, COURIER)


def test_a_result_is_valid_and_unverified(tmp_path: Path) -> None:
    content = compose()
    check(content, tmp_path)
    segments = split(content)
    msh, obr = segments["MSH"][0], segments["OBR"][0]

    assert (msh[3], msh[5], msh[6]) == ("TBSCREEN", "RIS", "HOSPITAL")
    assert msh[9:13] == ["ORU^R01^ORU_R01", "CONTROL1", "P", "2.5.1"]
    assert (msh[18], msh[21]) == ("UNICODE UTF-8", "TBSCREEN-ORU-1^TBSCREEN")
    assert segments["ORC"][0][1:4] == ["RE", "ACC1", "FILLER1^TBSCREEN"]
    assert obr[2:4] == ["ACC1", "FILLER1^TBSCREEN"]
    assert (obr[18], obr[24], obr[25]) == ("ACC1", "RAD", "R")
    assert {obx[11] for obx in segments["OBX"]} == {"R"}


def test_a_result_holds_finding_percentage_threshold_model_and_link() -> None:
    values = {obx[3].split("^")[0]: obx[5] for obx in split(compose())["OBX"]}

    assert values["TBCXR"] == "52101004^Present^SCT"
    assert values["121106"].split("~")[0] == f"{NOT_VERIFIED}."
    assert values["TBSCORE"] == str(find_tb_score(make_screening(real_film())))
    assert (values["111012"], values["122411"]) == ("83.46", "41.20")
    assert values["TBPRIORITY"] == "HIGH^High^99TBSCREEN"
    assert (values["111001"], values["111003"]) == ("tbscreen-default", "1.2.0")
    assert values["113014"] == "1.2.3"
    assert values["TBPAGE"] == "https://tbscreen.example/studies/1.2.3^TBSCREEN^TEXT^HTML"


@pytest.mark.parametrize(
    ("moment", "general", "observed"),
    [
        ("20240506070809.123456+0100", "-0500", "20240506070809+0100"),
        ("20240506070809-0330", None, "20240506070809-0330"),
        ("20240506070809", "-0500", "20240506070809-0500"),
    ],
)
def test_the_zone_of_a_film_s_time_goes_before_that_of_the_film(
    moment: str, general: str | None, observed: str
) -> None:
    source = Dataset()
    source.AcquisitionDateTime = moment
    source.TimezoneOffsetFromUTC = general
    assert read_observation_time(source) == observed


def test_a_name_has_its_components_and_groups() -> None:
    pid = split(compose())["PID"][0]

    assert pid[3] == "4711^^^HOSP"
    assert pid[5] == "Müller^Jürgen^A^Jr^Dr^^L^A~山田^太郎^^^^^L^I~やまだ^^^^^^L^P"
    assert pid[7:9] == ["19700102", "F"]


@pytest.mark.parametrize(
    ("patient", "identifier"),
    [
        (Patient("4711", "HOSP&1.2.840&ISO"), "4711^^^HOSP&1.2.840&ISO"),
        (Patient("4711^^^WARD"), "4711^^^WARD"),
        (Patient("47|11", "A&B"), "47\\F\\11^^^A\\T\\B"),
        (Patient("4711"), "4711"),
    ],
)
def test_the_issuer_of_a_patient_id(patient: Patient, identifier: str, tmp_path: Path) -> None:
    content = compose(patient=patient)
    check(content, tmp_path)
    pid = split(content)["PID"][0]
    assert (pid[3], pid[5]) == (identifier, "^^^^^^U")


def test_a_film_without_patient_id_is_told_to_nobody() -> None:
    with pytest.raises(UnknownPatientError, match="no patient ID"):
        compose(patient=replace(PATIENT, patient_id=None))


def test_the_placer_number_of_the_order_goes_before_the_accession_number(tmp_path: Path) -> None:
    film = small_film(tmp_path, PlacerOrderNumberImagingServiceRequest="PLACER|7")
    segments = split(compose(film=film))
    assert (segments["ORC"][0][2], segments["OBR"][0][2]) == ("PLACER\\F\\7", "PLACER\\F\\7")
    assert segments["OBR"][0][18] == "ACC1"


def test_a_correction_keeps_the_filler_number_and_says_so(tmp_path: Path) -> None:
    content = compose(MessageKind.CORRECTION, "CONTROL2")
    check(content, tmp_path)
    segments = split(content)

    assert segments["OBR"][0][3] == "FILLER1^TBSCREEN"
    assert segments["OBR"][0][25] == "C"
    assert {obx[11] for obx in segments["OBX"]} == {"C"}
    assert segments["OBX"][1][5].split("~")[-1].startswith("Corrects the result that was sent before")


def test_a_withdrawal_names_patient_order_and_values_as_they_were_sent(tmp_path: Path) -> None:
    earlier = compose()
    content = compose_withdrawal(
        earlier, make_envelope(MessageKind.WITHDRAWAL, "CONTROL2"), ["It was | wrong."]
    )
    check(content, tmp_path)
    before, after = split(earlier), split(content)

    assert after["MSH"][0][10] == "CONTROL2"
    assert (after["PID"], after["ORC"]) == (before["PID"], before["ORC"])
    assert after["OBR"][0][25] == "X"
    assert {obx[11] for obx in after["OBX"]} == {"W"}
    assert [obx[:6] for obx in after["OBX"][:-1]] == [obx[:6] for obx in before["OBX"]]
    assert after["OBX"][-1][5] == "It was \\F\\ wrong."


def test_a_refusal_has_no_finding_and_a_reason(tmp_path: Path) -> None:
    film = make_standing(refused=True)
    content = compose_refusal(film, make_envelope(MessageKind.REFUSAL), SETTINGS, COURIER)
    check(content, tmp_path)
    segments = split(content)

    assert segments["OBR"][0][25] == "X"
    finding, reason, notice = segments["OBX"][:3]
    assert (finding[3].split("^")[0], finding[5], finding[11]) == ("TBCXR", "", "X")
    assert reason[5] == "NOT_CHEST^Not a chest radiograph^99TBSCREEN"
    assert "Nothing is said about tuberculosis" in notice[5]
