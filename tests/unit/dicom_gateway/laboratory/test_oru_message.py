"""Messages of laboratories as results, and what is not guessed."""

from __future__ import annotations

import pytest

from dicom_gateway.laboratory.laboratory_settings import LaboratorySettings
from dicom_gateway.laboratory.message_fault import MessageFaultError
from dicom_gateway.laboratory.oru_message import parse, read_results
from domain.bacteriology import Method, Outcome

SETTINGS = LaboratorySettings.model_validate(
    {
        "codes": [
            {"code": "38379-4", "system": "LN", "method": "ultra"},
            {"code": "MTBX", "method": "xpert"},
        ],
        "values": [{"value": "3+", "outcome": "positive"}, {"value": "MTBC", "outcome": "positive"}],
    }
)
MSH = "MSH|^~\\&|LIS|LAB|||20261103||ORU^R01|1|P|2.5.1"
PID = "PID|1||P1^^^^MR"
OBR = "OBR|1||S1|TB|||202611020830+0200"
OBX = "OBX|1|CE|539-7^Culture^LN||260385009^Negative^SCT||||||F"


def read(*segments: str, **changes: object) -> list[tuple[Method, Outcome]]:
    settings = SETTINGS.model_copy(update=changes)
    message = parse("\r".join(segments).encode("utf-8"), settings)
    return [(entry.result.method, entry.result.outcome) for entry in read_results(message, settings)]


@pytest.mark.parametrize(
    ("observation", "found"),
    [
        (OBX, [(Method.CULTURE, Outcome.NEGATIVE)]),
        ("OBX|1|ST|11477-7^AFB^LN||3+||||||F", [(Method.SMEAR, Outcome.POSITIVE)]),
        (
            "OBX|1|CWE|LOC^x^99L^38379-4^NAAT^LN||T^MTB trace detected^99L||||||F",
            [(Method.ULTRA, Outcome.TRACE)],
        ),
        ("OBX|1|ST|MTBX^Xpert^99L||MTB  not Detected||||||F", [(Method.XPERT, Outcome.NEGATIVE)]),
        ("OBX|1|ST|MTBX||||||||X", [(Method.XPERT, Outcome.INDETERMINATE)]),
        ("OBX|1|ST|MTBX||positive||||||D", [(Method.XPERT, Outcome.WITHDRAWN)]),
        ("OBX|1|ST|MTBX||positive||||||P", []),
        (
            "OBX|1|CE|539-7^Culture^LN||MTBC||||||F\rOBX|2|ST|RIF||x||||||F",
            [(Method.CULTURE, Outcome.POSITIVE)],
        ),
    ],
)
def test_tests_and_results_are_known_by_codes_or_words(
    observation: str, found: list[tuple[Method, Outcome]]
) -> None:
    assert read(MSH, PID, OBR, *observation.split("\r")) == found
    assert read(MSH.replace("2.5.1", "2.3"), PID, OBR, *observation.split("\r")) == found


@pytest.mark.parametrize(
    ("segments", "place"),
    [
        ((PID, OBR, "OBX|1|ST|38379-4^NAAT^99L||positive||||||F"), ("OBX", 3)),
        ((PID, OBR, "OBX|1|ST|MTBX^x^^539-7^y^LN||positive||||||F"), None),
        ((PID, OBR, "OBX|1|ST|MTBX||rather yes||||||F"), ("OBX", 5)),
        ((PID, OBR, "OBX|1|ST|MTBX||||||||F"), ("OBX", 5)),
        ((PID, OBR, "OBX|1|ST|MTBX||positive~negative||||||F"), ("OBX", 5)),
        ((PID, OBR, "OBX|1|CE|MTBX||260385009^positive^SCT||||||F"), ("OBX", 5)),
        ((PID, OBR, "OBX|1|ST|MTBX||trace||||||F"), ("OBX", 5)),
        ((PID, OBR, "OBX|1|ST|MTBX||positive"), ("OBX", 11)),
        ((PID, OBR, "OBX|1|ST|MTBX||positive||||||U"), ("OBX", 11)),
        ((PID, OBR, OBX, OBX.replace("Negative", "").replace("260385009", "10828004")), ("OBX", 5)),
        (("PID|1||P1^^^^MR~N1^^^^NI", OBR, OBX), ("PID", 3)),
        (("PID|1||^^^^MR", OBR, OBX), ("PID", 3)),
        ((PID, "OBR|1||S1|TB", OBX), ("OBR", 7)),
        ((PID, "OBR|1||S1|TB|||2026", OBX), ("OBR", 7)),
        ((PID, "OBR|1||S1|TB|||20261399", OBX), ("OBR", 7)),
        ((PID, "OBR|1||S1|TB|||21991102", OBX), ("OBR", 7)),
        ((PID, OBX), ("OBR", 0)),
        ((OBR, OBX), ("PID", 0)),
        ((PID, OBR), ("OBX", 3)),
        ((PID, OBR, "SPM|1|^A", "SPM|2|^B", OBX), ("SPM", 2)),
        (("PID|1||P1^^^&1.2.3&ISO^MR~P1^^^&1.2.4&ISO^MR", OBR, OBX), ("PID", 3)),
    ],
)
def test_what_is_missing_unknown_or_open_is_refused_with_its_place(
    segments: tuple[str, ...], place: tuple[str, int] | None
) -> None:
    if place is None:
        assert read(MSH, *segments) == [(Method.XPERT, Outcome.POSITIVE)], "the site's codes go first"
        return
    with pytest.raises(MessageFaultError) as refused:
        read(MSH, *segments)
    assert (refused.value.segment, refused.value.field) == place


def test_the_specimen_goes_before_the_order_and_the_site_names_the_identifier() -> None:
    people = "PID|1||N1^^^^NI~P1^^^HOSP^MR"
    specimen = "SPM|1|A^L&LIS||SPT|||||||||||||20261030^20261031"
    changes = {"identifier_types": ("MR",)}
    settings = SETTINGS.model_copy(update=changes)
    message = parse("\r".join((MSH, people, OBR, OBX, specimen)).encode(), settings)
    (entry,) = read_results(message, settings)
    result = entry.result
    assert (result.patient_id, result.patient_id_issuer) == ("P1", "HOSP")
    assert (result.specimen_id, result.specimen_date) == ("L", "20261030")
    two = (MSH, PID, OBR, OBX, PID.replace("P1", "P2"), OBR, OBX)
    assert len(read(*two)) == 2


def test_an_authority_without_a_namespace_is_its_universal_id() -> None:
    message = parse("\r".join((MSH, "PID|1||P1^^^&1.2.3&ISO^MR", OBR, OBX)).encode(), SETTINGS)
    (entry,) = read_results(message, SETTINGS)
    assert (entry.result.patient_id, entry.result.patient_id_issuer) == ("P1", "1.2.3")


def test_a_message_is_read_in_its_character_set() -> None:
    latin = "\r".join((f"{MSH}||||||8859/1", PID.replace("P1", "Pé1"), OBR, OBX)).encode("latin-1")
    (entry,) = read_results(parse(latin, SETTINGS), SETTINGS)
    assert entry.result.patient_id == "Pé1"
    for declared in ("UNICODE UTF-8", ""):
        with pytest.raises(MessageFaultError) as refused:
            parse(latin.replace(b"8859/1", declared.encode()), SETTINGS)
        assert (refused.value.segment, refused.value.field) == ("MSH", 18)


def test_a_fault_quotes_no_value_of_the_message() -> None:
    with pytest.raises(MessageFaultError) as refused:
        read(MSH, "PID|1||" + "P" * 300, OBR, OBX)
    assert "PPP" not in str(refused.value)
    assert (refused.value.segment, refused.value.field) == ("PID", 3)
