from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from db.delivery.refusal_outbox import ReportableRefusal
from dicom_gateway.results.refusal_report import REASONS, build_refusal, may_be_reported
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.rules.own_object import names_tbscreen
from dicom_gateway.settings import CourierSettings
from domain.codes import UNREPORTED, Refusal
from tests.films import real_film
from tests.servers.pacs import PRIVATE_SCHEME_LINE, validate
from tests.unit.reportable import make_refusal, make_screening


@pytest.fixture(scope="module")
def refusal() -> ReportableRefusal:
    return make_refusal(real_film("RG3_UNCR.dcm"))


def build(refusal: ReportableRefusal, settings: CourierSettings | None = None) -> Dataset:
    built = build_refusal(refusal, settings or CourierSettings(), "9.9")
    document = dcmread(io.BytesIO(built.part10))
    assert (built.kind, built.sop_instance_uid) == ("refusal", document.SOPInstanceUID)
    return document


def group_of(document: Dataset) -> Dataset:
    (measurements,) = [item for item in document.ContentSequence if _name(item) == "126010"]
    (group,) = measurements.ContentSequence
    return group


def evaluations(document: Dataset) -> dict[str, tuple[str, str]]:
    return {
        _name(item): (item.ConceptCodeSequence[0].CodeValue, item.ConceptCodeSequence[0].CodeMeaning)
        for item in group_of(document).ContentSequence
        if item.ValueType == "CODE"
    }


def comment(document: Dataset) -> str:
    (item,) = [item for item in group_of(document).ContentSequence if _name(item) == "121106"]
    return str(item.TextValue)


def test_it_says_that_the_film_was_not_analysed_and_why(refusal: ReportableRefusal) -> None:
    document = build(refusal)

    said = evaluations(document)
    assert said["111065"] == ("111225", "Not Attempted")
    assert said["TBREFUSAL"] == ("NOT_CHEST", "Not a chest radiograph")
    assert document.SeriesDescription == "AI: not analysed (Not a chest radiograph)"
    assert "Nothing is said about tuberculosis." in comment(document)
    assert "(not_chest: body part examined is HAND)" in comment(document)
    assert (document.CompletionFlag, document.VerificationFlag) == ("COMPLETE", "UNVERIFIED")


def test_it_holds_no_finding_and_no_number(refusal: ReportableRefusal) -> None:
    document = build(refusal)

    assert set(evaluations(document)) == {"363698007", "111065", "TBREFUSAL"}
    assert {item.ValueType for item in group_of(document).ContentSequence} == {
        "TEXT",
        "UIDREF",
        "CODE",
        "IMAGE",
    }


@pytest.mark.parametrize("code", [code for code in Refusal if code not in UNREPORTED])
def test_every_reason_has_words_that_fit_and_a_code(code: Refusal, refusal: ReportableRefusal) -> None:
    document = build(replace(refusal, refusal=code))

    assert len(document.SeriesDescription) <= 64
    assert len(REASONS[code].value) <= 16
    assert evaluations(document)["TBREFUSAL"] == (REASONS[code].value, REASONS[code].meaning)
    failed = code in (Refusal.UNDECODABLE, Refusal.PROCESSING_FAILED)
    assert evaluations(document)["111065"][0] == ("111224" if failed else "111225")


def test_its_identity_derives_from_film_dataset_and_reason(refusal: ReportableRefusal) -> None:
    same = build(refusal), build(replace(refusal, detail="other words", attempts=7))
    others = [
        build(replace(refusal, refusal=Refusal.NOT_FRONTAL)),
        build(replace(refusal, dataset_sha256="c" * 64)),
    ]

    assert same[0].SOPInstanceUID == same[1].SOPInstanceUID
    assert len({str(other.SOPInstanceUID) for other in (same[0], *others)}) == 3


def test_a_report_that_follows_supersedes_it(refusal: ReportableRefusal) -> None:
    first = build_refusal(refusal, CourierSettings(), "9.9")
    screening = make_screening(real_film("RG3_UNCR.dcm"), predecessor=first.part10)

    report = dcmread(io.BytesIO(build_report(screening, None, CourierSettings(), "9.9").part10))

    series = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.sop_instance_uid


def test_never_of_our_own_and_never_without_a_study(refusal: ReportableRefusal) -> None:
    without = {tag: value for tag, value in refusal.header.items() if tag != "0020000D"}

    assert may_be_reported(refusal)
    assert not may_be_reported(replace(refusal, refusal=Refusal.OWN_OUTPUT))
    assert not may_be_reported(replace(refusal, header=without))
    claimed = {**refusal.header, "00080070": {"vr": "LO", "Value": ["tbscreen"]}}
    assert not may_be_reported(replace(refusal, refusal=Refusal.NOT_AN_XRAY, header=claimed))
    assert names_tbscreen(build(refusal))


@pytest.mark.parametrize("sr_sop_class", ["comprehensive_3d", "comprehensive"])
def test_dciodvfy_says_nothing_that_it_does_not_say_of_the_film(
    sr_sop_class: str, refusal: ReportableRefusal, tmp_path: Path
) -> None:
    file = tmp_path / "refusal.dcm"
    file.write_bytes(build_refusal(refusal, CourierSettings(sr_sop_class=sr_sop_class), "9.9").part10)

    assert validate(file) - validate(real_film("RG3_UNCR.dcm")) == {PRIVATE_SCHEME_LINE}


def _name(item: Any) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeValue)
