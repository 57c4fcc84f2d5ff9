from __future__ import annotations

import io
import json
import re
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from db.delivery.outbox import ReportableScreening
from db.delivery.report_objects import BuiltReport
from db.models.site_thresholds import THRESHOLD_FOR
from dicom_gateway.results.structured_report import describe_report
from dicom_gateway.rules.own_object import names_tbscreen
from dicom_gateway.settings import CourierSettings
from domain.bundle.tb_score import MEANING
from tests.golden.synthetic import write_film
from tests.screened_films import MANIFEST
from tests.servers.pacs import PRIVATE_SCHEME_LINE, need, validate
from tests.unit.reportable import build_both_ways, make_screening

COMPREHENSIVE_3D = "1.2.840.10008.5.1.4.1.1.88.34"
COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.33"

Code = tuple[str, str]

# Every row of the table of contents


@pytest.fixture(scope="module")
def film() -> Path:
    path = get_testdata_file("RG1_UNCR.dcm", download=False)
    assert path is not None, "the package pydicom-data is not installed"
    return Path(path)


@pytest.fixture(scope="module")
def screening(film: Path) -> ReportableScreening:
    return make_screening(film)


@pytest.fixture(scope="module")
def report(screening: ReportableScreening) -> Dataset:
    return _read(_build(screening))


def test_report_is_a_complete_unverified_comprehensive_3d_sr(
    report: Dataset, screening: ReportableScreening
) -> None:
    built = _build(screening)

    assert report.SOPClassUID == built.sop_class_uid == COMPREHENSIVE_3D
    assert report.SOPInstanceUID == report.file_meta.MediaStorageSOPInstanceUID == built.sop_instance_uid
    assert built.kind == "sr"
    assert report.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert report.Modality == "SR"
    assert (report.CompletionFlag, report.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"


def test_title_is_imaging_measurement_report(report: Dataset) -> None:
    assert _code(report.ConceptNameCodeSequence) == ("126000", "DCM")
    assert report.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurement Report"


def test_observer_is_the_device(report: Dataset) -> None:
    assert _code(_find(report, "121005").ConceptCodeSequence) == ("121007", "DCM")
    assert str(_find(report, "121012").UID).startswith("2.25.")
    assert _find(report, "121013").TextValue == "TBSCREEN"
    assert _find(report, "121014").TextValue == "tbscreen"
    assert _find(report, "121015").TextValue == "tbscreen"


def test_image_library_holds_the_film(report: Dataset, screening: ReportableScreening) -> None:
    library = _find(report, "111028")
    group = _find(library, "126200")
    (image,) = group.ContentSequence

    assert image.ValueType == "IMAGE"
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == screening.sop_instance_uid
    assert image.ReferencedSOPSequence[0].ReferencedSOPClassUID == screening.sop_class_uid
    assert _code(_find(image, "121139").ConceptCodeSequence) == ("CR", "DCM")
    assert _number(_find(image, "110910")) == (1955.0, "{pixels}")
    assert _number(_find(image, "110911")) == (1841.0, "{pixels}")


def test_image_library_comes_before_the_measurements(report: Dataset) -> None:
    names = [_code(item.ConceptNameCodeSequence)[0] for item in report.ContentSequence]

    assert names.index("121058") < names.index("111028") < names.index("126010")


def test_measurement_group_is_tracked_and_sits_in_the_lung(report: Dataset) -> None:
    group = _group(report)

    assert _find(group, "112039").TextValue == "Tuberculosis screening"
    assert str(_find(group, "112040").UID).startswith("2.25.")
    assert _code(_find(group, "363698007").ConceptCodeSequence) == ("39607008", "SCT")


@pytest.mark.parametrize(
    ("finding", "code"), [("present", "52101004"), ("absent", "272519000"), ("undetermined", "373068000")]
)
def test_evaluation_is_present_absent_or_undetermined(
    finding: str, code: str, screening: ReportableScreening
) -> None:
    evaluation = _find(_group(_read(_build(replace(screening, finding=finding)))), "TBCXR")

    assert _code(evaluation.ConceptNameCodeSequence) == ("TBCXR", "99TBSCREEN")
    assert evaluation.ConceptNameCodeSequence[0].CodeMeaning == (
        "Radiographic features suggestive of pulmonary tuberculosis"
    )
    assert _code(evaluation.ConceptCodeSequence) == (code, "SCT")


def test_score_is_the_calibrated_percentage_and_threshold_stands_beside_it(report: Dataset) -> None:
    group = _group(report)

    assert _number(_find(group, "111012")) == (83.46, "%")
    assert _number(_find(group, "122411")) == (41.2, "%")
    assert not _find_all(report, "111047")


def test_algorithm_is_named_with_version_family_and_parameters(report: Dataset) -> None:
    group = _group(report)

    assert _find(group, "111001").TextValue == "tbscreen-default"
    assert _find(group, "111003").TextValue == "1.2.0"
    assert _find(group, "122405").TextValue == "tbscreen"
    assert _code(_find(group, "111000").ConceptCodeSequence) == ("123110", "DCM")
    assert [item.TextValue for item in _find_all(group, "111002")] == [
        "weights SHA-256: " + MANIFEST["files"]["model.weights.h5"],
        "normalization: tbscreen-normalization-1",
        "operating point: screening",
    ]


def test_a_threshold_for_some_people_is_named_with_its_reason(screening: ReportableScreening) -> None:
    why = "threshold for women of 25 to 44 (812 enrolled); that of everybody is 0.4500"
    of_cell = replace(
        screening,
        operating_point="local_20261130_f_25_44",
        manifest={**screening.manifest, THRESHOLD_FOR: why},
    )
    content = describe_report(of_cell, None, CourierSettings())
    assert content.parameters[-1] == f"operating point: local_20261130_f_25_44, {why}"
    assert content.facts.identity != describe_report(screening, None, CourierSettings()).facts.identity


def test_film_is_the_source_of_measurement_and_the_evidence(
    report: Dataset, screening: ReportableScreening, film: Path
) -> None:
    source = _find(_group(report), "121112")
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    (instance,) = series.ReferencedSOPSequence
    sent = dcmread(film, stop_before_pixels=True)

    assert source.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == screening.sop_instance_uid
    assert instance.ReferencedSOPInstanceUID == sent.SOPInstanceUID
    assert instance.ReferencedSOPClassUID == sent.SOPClassUID
    assert series.SeriesInstanceUID == sent.SeriesInstanceUID
    assert study.StudyInstanceUID == sent.StudyInstanceUID


def test_report_says_that_it_is_not_verified(report: Dataset) -> None:
    assert report.SeriesDescription == "AI result, not verified by a physician"
    assert _comment(report).startswith("AI result, not verified by a physician.")
    assert "not a medical device" in _comment(report)


def test_comments_are_the_result_in_short_lines(report: Dataset) -> None:
    """OHIF writes them on the film, and cuts off what is longer than the film is wide."""
    lines = [item.TextValue for item in _find_all(_group(report), "121106")]

    assert lines[0] == "AI result, not verified by a physician. TB score 91 of 100."
    assert lines[1].startswith("Features suggestive of pulmonary TB: PRESENT")
    assert lines[2] == "Model tbscreen-default 1.2.0; frame = analysed field"
    assert len(lines) == 3, "with two numbers they are five, which is all that OHIF writes"
    assert max(map(len, lines)) <= 64


def test_report_makes_no_finding(report: Dataset) -> None:
    assert not _find_all(report, "121071")


def test_report_lies_in_the_films_study_in_a_series_of_its_own(report: Dataset, film: Path) -> None:
    sent = dcmread(film, stop_before_pixels=True)

    for keyword in (
        "StudyInstanceUID",
        "StudyID",
        "StudyDate",
        "StudyTime",
        "StudyDescription",
        "AccessionNumber",
        "ReferringPhysicianName",
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "OtherPatientIDs",
        "SpecificCharacterSet",
    ):
        assert report[keyword].value == sent[keyword].value, keyword
    assert report.SeriesInstanceUID != sent.SeriesInstanceUID
    assert report.SeriesNumber == 9001


def test_report_is_known_again_as_our_own(report: Dataset) -> None:
    assert names_tbscreen(report)
    assert report.SoftwareVersions == "9.9"


# Settings


def test_procedure_reported_is_the_sites(screening: ReportableScreening) -> None:
    settings = CourierSettings(procedure_code=("168731009", "SCT", "Plain chest X-ray"))

    assert _procedure(_build(screening)) == ("30745-4", "LN", "XR Chest Views")
    assert _procedure(_build(screening, settings)) == ("168731009", "SCT", "Plain chest X-ray")


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {"CodeValue": "XRC", "CodingSchemeDesignator": "99SITE", "CodeMeaning": "Thorax"},
            ("XRC", "99SITE", "Thorax"),
        ),
        ({"CodeValue": "XRC", "CodingSchemeDesignator": "99SITE"}, ("30745-4", "LN", "XR Chest Views")),
        ({"CodeMeaning": "Thorax"}, ("30745-4", "LN", "XR Chest Views")),
        (None, ("30745-4", "LN", "XR Chest Views")),
    ],
    ids=["complete", "no-meaning", "no-code", "none"],
)
def test_procedure_reported_may_be_the_films_own(
    attributes: dict[str, str] | None, expected: tuple[str, str, str], tmp_path: Path
) -> None:
    code = Dataset()
    for keyword, value in (attributes or {}).items():
        setattr(code, keyword, value)
    screening = make_screening(_write(tmp_path, ProcedureCodeSequence=None if attributes is None else [code]))

    assert _procedure(_build(screening, CourierSettings(procedure_reported="source"))) == expected


def test_comprehensive_sr_says_the_same(screening: ReportableScreening, report: Dataset) -> None:
    built = _build(screening, CourierSettings(sr_sop_class="comprehensive"))
    fallback = _read(built)

    assert fallback.SOPClassUID == built.sop_class_uid == COMPREHENSIVE
    assert fallback.ContentSequence == report.ContentSequence


def test_finding_may_be_coded_in_snomed_and_then_names_no_private_scheme(
    screening: ReportableScreening,
) -> None:
    report = _read(_build(screening, CourierSettings(finding_code="snomed")))

    evaluation = _find(_group(report), "154283005")
    assert _code(evaluation.ConceptNameCodeSequence) == ("154283005", "SCT")
    assert not _find_all(report, "TBCXR")
    assert "CodingSchemeIdentificationSequence" not in report


def test_private_scheme_is_identified_where_it_is_used(report: Dataset) -> None:
    (scheme,) = report.CodingSchemeIdentificationSequence

    assert scheme.CodingSchemeDesignator == "99TBSCREEN"


def test_device_is_called_as_the_courier_calls(screening: ReportableScreening) -> None:
    report = _read(_build(screening, CourierSettings(ae_title="TB EAST")))

    assert _find(report, "121013").TextValue == "TB EAST"
    assert report.DeviceSerialNumber == "TB EAST"


# Identity


def test_same_result_is_the_same_object(screening: ReportableScreening) -> None:
    this, two = _build(screening), _build(screening)

    assert this.sop_instance_uid == two.sop_instance_uid
    assert this.part10 == two.part10


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset_sha256": "f" * 64},
        {"bundle_digest": "e" * 64},
        {"operating_point": "rule_in"},
    ],
    ids=str,
)
def test_other_film_bundle_or_operating_point_is_another_object(
    changes: dict[str, str], screening: ReportableScreening
) -> None:
    assert _build(screening).sop_instance_uid != _build(replace(screening, **changes)).sop_instance_uid  # type: ignore[arg-type]


def test_every_film_has_a_report_of_its_own(tmp_path: Path) -> None:
    uids = {
        _build(make_screening(_write(tmp_path, SOPInstanceUID=f"1.2.{n}"))).sop_instance_uid for n in range(5)
    }

    assert len(uids) == 5


def test_uid_does_not_depend_on_row_numbers_or_attempts(screening: ReportableScreening) -> None:
    again = replace(screening, outbox_id=99, screening_id=98, attempts=7)

    assert _build(screening).sop_instance_uid == _build(again).sop_instance_uid


def test_report_of_a_correction_names_the_report_that_it_supersedes(screening: ReportableScreening) -> None:
    first = _build(screening)
    correction = replace(screening, revision=2, dataset_sha256="f" * 64, predecessor=first.part10)

    report = _read(_build(correction))

    (study,) = report.PredecessorDocumentsSequence
    (instance,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert instance.ReferencedSOPInstanceUID == first.sop_instance_uid
    assert report.SOPInstanceUID != first.sop_instance_uid
    assert "Supersedes" in _comment(report)


def test_first_report_supersedes_none(report: Dataset) -> None:
    assert "PredecessorDocumentsSequence" not in report
    assert "Supersedes" not in _comment(report)


# Text


def test_untrained_model_is_called_so(screening: ReportableScreening) -> None:
    manifest = MANIFEST | {"trained": False, "calibration": {"method": "identity", "prevalence": None}}

    report = _read(_build(replace(screening, manifest=manifest)))

    assert report.SeriesDescription == "AI result, not verified by a physician (untrained model)"
    assert "Untrained model: its score means nothing." in _comment(report)
    assert "percentages that are not calibrated." in _comment(report)
    assert "TB score" not in _comment(report)


def test_prevalence_is_told_for_which_the_percentage_holds(report: Dataset) -> None:
    assert "calibrated percentages, for a prevalence of 5.0%." in _comment(report)
    assert "Untrained" not in _comment(report)


def test_the_text_has_the_tb_score_and_its_meaning_while_coded_numbers_stay_percentages(
    report: Dataset,
) -> None:
    assert f"TB score 91 of 100. {MEANING} Certainty of Finding" in _comment(report)


def test_doubts_are_told(screening: ReportableScreening, report: Dataset) -> None:
    doubtful = _read(_build(replace(screening, doubts=["age_unknown", "view_unknown"])))

    assert "Could not be verified: age unknown, view unknown." in _comment(doubtful)
    assert "Could not be verified" not in _comment(report)


def test_what_was_judged_from_the_picture_is_told(screening: ReportableScreening, report: Dataset) -> None:
    seen = ["body_part_from_pixels", "view_from_pixels", "turned_270", "inverted", "of_tomorrow"]
    turned = _comment(_read(_build(replace(screening, observations=seen))))

    assert "Judged from the picture, not from the header: body part, view." in turned
    assert "The picture was turned by 90 degrees clockwise before it was scored." in turned
    assert "The grey values of the picture were inverted before it was scored." in turned
    assert "picture" not in _comment(report)


@pytest.mark.parametrize(
    ("offset", "date", "time"),
    [
        ("+0000", "20240506", "230809"),
        ("+0900", "20240507", "080809"),
        ("-0330", "20240506", "193809"),
    ],
)
def test_content_time_is_in_the_films_own_zone(offset: str, date: str, time: str, tmp_path: Path) -> None:
    report = _read(_build(make_screening(_write(tmp_path, TimezoneOffsetFromUTC=offset))))

    assert report.ContentDate == date
    assert str(report.ContentTime)[:6] == time
    contributed = [item.get("ContributionDateTime") for item in report.ContributingEquipmentSequence]
    assert [str(moment)[:14] for moment in contributed if moment] == [date + time]
    assert report.TimezoneOffsetFromUTC == offset


@pytest.mark.parametrize("offset", ["nonsense", "+9900", "+", "0900"])
def test_malformed_zone_is_as_good_as_none(offset: str, tmp_path: Path) -> None:
    screening = make_screening(_write(tmp_path, TimezoneOffsetFromUTC=offset))

    assert re.fullmatch(r"2024050[67]", str(_read(_build(screening)).ContentDate))


# Names


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg".encode("latin-1")),
        ("ISO_IR 192", "山田^太郎=ヤマダ^タロウ".encode()),
        ("ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3"),
        ("\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
        ("\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab"),
        ("GB18030", "王^小东".encode("gb18030")),
        (None, "Müller^Jörg".encode("latin-1")),
        (None, "山田^太郎".encode()),
        (None, "山田^太郎".encode("shift_jis")),
        (None, "Ли^Иван".encode("cp1251")),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_patients_name_survives_byte_for_byte(charset: str | None, name: bytes, tmp_path: Path) -> None:
    film = _write(tmp_path, SpecificCharacterSet=charset, PatientName="PLACEHOLDER")
    _replace_element(film, 0x0010, 0x0010, b"PN", name + b" " * (len(name) % 2))

    report = _build(make_screening(film))

    read = _read(report)
    raw = read.get_item(0x00100010)
    assert isinstance(raw.value, bytes)
    assert raw.value.rstrip(b" ") == name
    assert str(_read(report).PatientName) == str(dcmread(film).PatientName)


@pytest.mark.filterwarnings("ignore:Failed to encode value:UserWarning")  # pydicom's, of the first attempt
def test_name_that_its_declared_character_set_does_not_carry_is_written_in_utf_8(tmp_path: Path) -> None:
    screening = make_screening(_write(tmp_path, SpecificCharacterSet="ISO_IR 100"))
    screening.header["00100010"]["Value"] = [{"Alphabetic": "山田^太郎"}]

    report = _read(_build(screening))

    assert report.SpecificCharacterSet == "ISO_IR 192"
    assert report.PatientName == "山田^太郎"


@pytest.mark.filterwarnings("ignore:Failed to encode value:UserWarning")  # pydicom's, of the first attempt
@pytest.mark.parametrize(
    ("charset", "meaning", "written"),
    [
        (None, "Röntgen-Thorax", "ISO_IR 192"),
        (None, "胸部X线", "ISO_IR 192"),
        ("ISO_IR 100", "Röntgen-Thorax", "ISO_IR 100"),
        ("ISO_IR 100", "胸部X线", "ISO_IR 192"),
        ("GB18030", "胸部X线", "GB18030"),
    ],
)
def test_a_site_s_procedure_is_written_in_a_character_set_that_has_its_letters(
    charset: str | None, meaning: str, written: str, tmp_path: Path
) -> None:
    film = _write(tmp_path, SpecificCharacterSet=charset, PatientName="Doe^Jane")
    settings = CourierSettings(procedure_code=("XR1", "99SITE", meaning))

    report = _build(make_screening(film), settings)

    assert _read(report).SpecificCharacterSet == written
    assert _procedure(report) == ("XR1", "99SITE", meaning)


# Headers that lack or spoil what a report needs


def test_film_with_nothing_but_its_uids_is_reported_with_empty_attributes(tmp_path: Path) -> None:
    header = {
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.1"]},
        "00080018": {"vr": "UI", "Value": ["1.2.3.4"]},
    }
    screening = replace(make_screening(_write(tmp_path)), header=header, sop_instance_uid="1.2.3.4")

    report = _read(_build(screening))

    for keyword in (
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyID",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "ReferringPhysicianName",
    ):
        assert report[keyword].is_empty, keyword
    assert report.StudyInstanceUID == "1.2.3.4"
    assert _number(_find(_group(report), "111012")) == (83.46, "%")


@pytest.mark.parametrize(
    "element",
    [
        {"00100040": {"vr": "CS", "Value": ["female"]}},
        {"00080020": {"vr": "DA", "Value": ["2024-01-31"]}},
        {"00080030": {"vr": "TM", "Value": ["noon"]}},
        {"00100030": {"vr": "DA", "Value": ["19840231"]}},
        {"0020000D": {"vr": "UI"}},
        {"0020000E": {"vr": "UI"}},
        {"00280010": {"vr": "US"}},
        {"00280011": {"vr": "DS", "Value": [1.5]}},
        {"00100020": {"vr": "LO", "Value": ["a", "b"]}},
        {"00100020": {"vr": "LO", "Value": ["x" * 200]}},
        {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B^C^D^E^F^G"}]}},
        {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "A\0B"}]}},
        {"00100010": {"vr": "PN"}},
        {"00080050": {"vr": "SH", "Value": ["an accession number longer than sixteen"]}},
        {"00080060": {"vr": "CS", "Value": ["??"]}},
        {"00101010": {"vr": "AS", "Value": ["old"]}},
        {"00081032": {"vr": "SQ", "Value": [{}]}},
        {"00081032": {"vr": "LO", "Value": ["text"]}},
        {"00080005": {"vr": "CS", "Value": ["ISO_IR 999"]}},
    ],
    ids=lambda element: json.dumps(element)[:60],
)
@pytest.mark.filterwarnings("ignore:Unknown encoding:UserWarning")  # pydicom's, of the last of them
def test_malformed_header_is_reported_all_the_same(element: dict[str, Any], tmp_path: Path) -> None:
    screening = make_screening(_write(tmp_path))
    screening.header.update(element)

    report = _read(_build(screening, CourierSettings(procedure_reported="source")))

    assert report.StudyInstanceUID
    assert report.SeriesInstanceUID
    assert _number(_find(_group(report), "111012")) == (83.46, "%")


def test_building_a_report_prints_nothing_of_the_patient(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    screening = make_screening(
        _write(tmp_path, PatientName="Oddname", ReferringPhysicianName="Oddname", PatientSex="x")
    )

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _build(screening)

    assert not [warning for warning in caught if "Oddname" in str(warning.message)]
    said = capfd.readouterr()
    assert "Oddname" not in said.out + said.err


def test_modality_that_has_no_code_is_left_out_of_the_image_library(tmp_path: Path) -> None:
    report = _read(_build(make_screening(_write(tmp_path, Modality="OT"))))

    assert not _find_all(report, "121139")
    assert _find_all(report, "110910")


# What validators and viewers say


@pytest.mark.parametrize("sr_sop_class", ["comprehensive_3d", "comprehensive"])
@pytest.mark.parametrize("finding_code", ["tbscreen", "snomed"])
@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "RG3_UNCR.dcm"])
def test_dciodvfy_says_nothing_that_it_does_not_say_of_the_film(
    name: str, finding_code: str, sr_sop_class: str, tmp_path: Path
) -> None:
    path = get_testdata_file(name, download=False)
    assert path is not None
    settings = CourierSettings(finding_code=finding_code, sr_sop_class=sr_sop_class)
    report = tmp_path / "report.dcm"
    report.write_bytes(_build(make_screening(Path(path)), settings).part10)

    said = validate(report) - validate(Path(path))

    assert said == ({PRIVATE_SCHEME_LINE} if finding_code == "tbscreen" else set())


@pytest.mark.parametrize("predecessor", [False, True])
def test_dciodvfy_says_nothing_of_the_report_of_a_well_formed_film(predecessor: bool, tmp_path: Path) -> None:
    film = _write(tmp_path, PatientSex="F", PatientBirthDate="19840131", StudyID="1", StudyTime="101112")
    screening = make_screening(film)
    if predecessor:
        earlier = _build(screening, CourierSettings(finding_code="snomed"))
        screening = replace(screening, revision=2, dataset_sha256="f" * 64, predecessor=earlier.part10)
    report = tmp_path / "report.dcm"
    report.write_bytes(_build(screening, CourierSettings(finding_code="snomed")).part10)

    assert validate(report) == set()


def test_dsrdump_shows_the_result(screening: ReportableScreening, tmp_path: Path) -> None:
    dsrdump = need("dsrdump", "dcmtk")
    report = tmp_path / "report.dcm"
    report.write_bytes(_build(screening).part10)

    shown = subprocess.run([dsrdump, "+Pl", str(report)], capture_output=True, text=True, check=True).stdout

    assert "Comprehensive 3D SR Document" in shown
    assert 'Certainty of Finding")="83.46" (%,UCUM,"Percent")' in shown
    assert '(52101004,SCT,"Present")' in shown
    assert "AI result, not verified by a physician" in shown
    assert "UNVERIFIED" in shown


def _build(screening: ReportableScreening, settings: CourierSettings | None = None) -> BuiltReport:
    return build_both_ways(screening, None, settings)


def _read(built: BuiltReport) -> Dataset:
    return dcmread(io.BytesIO(built.part10))


def _write(folder: Path, **attributes: object) -> Path:
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    folder.mkdir(exist_ok=True)
    return write_film(folder / "film.dcm", pixels, **attributes)


def _find_all(item: Dataset, code: str) -> list[Dataset]:
    found = []
    for child in item.get("ContentSequence") or []:
        if _code(child.ConceptNameCodeSequence)[0] == code:
            found.append(child)
        found.extend(_find_all(child, code))
    return found


def _find(item: Dataset, code: str) -> Dataset:
    (found,) = _find_all(item, code)
    return found


def _group(report: Dataset) -> Dataset:
    return _find(_find(report, "126010"), "125007")


def _comment(report: Dataset) -> str:
    return str(_find(_group(report), "48767-8").TextValue)


def _code(sequence: Any) -> Code:
    (item,) = sequence
    return str(item.CodeValue), str(item.CodingSchemeDesignator)


def _number(item: Dataset) -> tuple[float, str]:
    (value,) = item.MeasuredValueSequence
    (unit,) = value.MeasurementUnitsCodeSequence
    assert unit.CodingSchemeDesignator == "UCUM"
    return float(value.NumericValue), str(unit.CodeValue)


def _procedure(built: BuiltReport) -> tuple[str, str, str]:
    (code,) = _find(_read(built), "121058").ConceptCodeSequence
    return str(code.CodeValue), str(code.CodingSchemeDesignator), str(code.CodeMeaning)


def _replace_element(path: Path, group: int, element: int, vr: bytes, value: bytes) -> None:
    """Put bytes into a file that no writer would write."""
    content = path.read_bytes()
    tag = group.to_bytes(2, "little") + element.to_bytes(2, "little") + vr
    at = content.index(tag)
    length = int.from_bytes(content[at + 6 : at + 8], "little")
    path.write_bytes(
        content[:at] + tag + len(value).to_bytes(2, "little") + value + content[at + 8 + length :]
    )
