from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import (
    JPEG2000,
    MPEG2MPML,
    ComprehensiveSRStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    XRayAngiographicImageStorage,
)

from dicom_gateway.dataset_header import read_header
from dicom_gateway.rules.decision import Decision
from dicom_gateway.rules.default_rules import CHEST_REGION_CODES, FRONTAL_VIEW_CODES
from dicom_gateway.rules.eligibility import judge, judge_pixels
from dicom_gateway.rules.patient_age import read_age_years
from dicom_gateway.settings import GatewaySettings
from domain.array.image_guard import Certainty, Opinion, Picture
from domain.codes import Doubt, Observation, Refusal
from tests.golden.synthetic import describe_film

SETTINGS = GatewaySettings(excluded_calling_ae_titles=("DENTAL", "DETECTOR 2"))


STATED = (Doubt.BODY_PART_UNKNOWN, Doubt.VIEW_UNKNOWN)


def test_chest_film_of_an_adult_is_eligible_without_doubt() -> None:
    assert _judge() == Decision(None, "eligible", (), settled=STATED)


@pytest.mark.parametrize(
    ("attributes", "refusal"),
    [
        ({"SOPClassUID": CTImageStorage, "Modality": "CT"}, Refusal.UNSUPPORTED_SOP_CLASS),
        ({"SOPClassUID": ComprehensiveSRStorage, "Modality": "SR"}, Refusal.UNSUPPORTED_SOP_CLASS),
        ({"SOPClassUID": DigitalXRayImageStorageForProcessing}, Refusal.UNSUPPORTED_SOP_CLASS),
        ({"SOPClassUID": DigitalMammographyXRayImageStorageForPresentation}, Refusal.UNSUPPORTED_SOP_CLASS),
        ({"SOPClassUID": XRayAngiographicImageStorage}, Refusal.UNSUPPORTED_SOP_CLASS),
        ({"SOPClassUID": "1.2.3.4"}, Refusal.UNSUPPORTED_SOP_CLASS),
        ({"SOPClassUID": None}, Refusal.UNSUPPORTED_SOP_CLASS),
        ({"NumberOfFrames": 2}, Refusal.MULTI_FRAME),
        ({"NumberOfFrames": 60}, Refusal.MULTI_FRAME),
        ({"Modality": "CT"}, Refusal.NOT_AN_XRAY),
        ({"Modality": "US"}, Refusal.NOT_AN_XRAY),
        ({"Modality": "SR"}, Refusal.NOT_AN_XRAY),
        ({"BodyPartExamined": "EXTREMITY"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": "ABDOMEN"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": "TSPINE"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": "THORACIC SPINE"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": "THORACIC_SPINE"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": "HIP", "StudyDescription": "CHEST"}, Refusal.NOT_CHEST),
        ({"ViewPosition": "LL"}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": "RL"}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": "LATERAL"}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": "LLD"}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": "RAO"}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": "LL", "SeriesDescription": "PA"}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": None, "SeriesDescription": "Thorax seitlich"}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": None, "SeriesDescription": "W033 Chest Lat."}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": None, "SeriesDescription": "thorax de profil"}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": None, "SeriesDescription": "left decubitus"}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": None, "ProtocolName": "Thorax seitl."}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": None, "AcquisitionDeviceProcessingDescription": "CHEST LAT"}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": None, "PatientOrientation": ["A", "F"]}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": None, "PatientOrientation": ["P", "F"]}, Refusal.NOT_FRONTAL),
        ({"ViewPosition": "", "PatientOrientation": ["AL", "F"]}, Refusal.NOT_FRONTAL),
        ({"BodyPartExamined": None, "StudyDescription": "Knee left"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": None, "StudyDescription": "Thoracic spine"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": None, "StudyDescription": "MODALITYLUT - TEETH"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": "UNKNOWN", "ProtocolName": "RX Ábdomen"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": None, "SeriesDescription": "Hand_links"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": None, "SeriesDescription": "Hände bds."}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": None, "StudyDescription": "Radiografía de columna lumbar"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": None, "StudyDescription": "Radiographie du genou"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": None, "StudyDescription": "Zahnstatus"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": None, "StudyDescription": "Кисть правая"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": None, "StudyDescription": "Ortopantomografia"}, Refusal.NOT_CHEST),
        ({"BodyPartExamined": None, "StudyDescription": "腰椎正位"}, Refusal.NOT_CHEST),
        ({"PatientAge": "014Y"}, Refusal.UNDER_AGE),
        ({"PatientAge": "003D"}, Refusal.UNDER_AGE),
        ({"PatientAge": None, "PatientBirthDate": "20100201"}, Refusal.UNDER_AGE),
    ],
    ids=str,
)
def test_film_is_refused(attributes: dict[str, object], refusal: Refusal) -> None:
    verdict = _judge(**attributes)

    assert verdict.refusal is refusal
    assert verdict.detail
    assert verdict.doubts == ()


@pytest.mark.parametrize(
    ("attributes", "doubts"),
    [
        ({"PatientAge": None}, {Doubt.AGE_UNKNOWN}),
        ({"PatientAge": ""}, {Doubt.AGE_UNKNOWN}),
        ({"ViewPosition": None}, {Doubt.VIEW_UNKNOWN}),
        ({"ViewPosition": ""}, {Doubt.VIEW_UNKNOWN}),
        ({"ViewPosition": None, "SeriesDescription": "Chest PA and lateral"}, {Doubt.VIEW_UNKNOWN}),
        ({"BodyPartExamined": None}, {Doubt.BODY_PART_UNKNOWN}),
        ({"BodyPartExamined": "  "}, {Doubt.BODY_PART_UNKNOWN}),
        ({"BodyPartExamined": None, "StudyDescription": "Chest and spine"}, {Doubt.BODY_PART_UNKNOWN}),
        ({"BodyPartExamined": "CHEST", "SeriesDescription": "Knie links"}, {Doubt.BODY_PART_UNKNOWN}),
        ({"BodyPartExamined": "UNKNOWN"}, {Doubt.BODY_PART_UNKNOWN}),
        ({"ViewPosition": "GENERICA"}, {Doubt.VIEW_UNKNOWN}),
        ({"ViewPosition": "PA", "PatientOrientation": ["A", "F"]}, {Doubt.VIEW_UNKNOWN}),
        ({"ViewPosition": None, "PatientOrientation": ["L", "F"]}, {Doubt.VIEW_UNKNOWN}),
        ({"ViewPosition": None, "StudyDescription": "Chest PA and lateral"}, {Doubt.VIEW_UNKNOWN}),
        (
            {"PatientAge": None, "ViewPosition": None, "BodyPartExamined": None},
            {Doubt.AGE_UNKNOWN, Doubt.VIEW_UNKNOWN, Doubt.BODY_PART_UNKNOWN},
        ),
        ({"Modality": None}, set()),
    ],
    ids=lambda value: str(sorted(value)),  # a set's own order differs from process to process
)
def test_film_that_does_not_say_is_screened_with_a_doubt(
    attributes: dict[str, object], doubts: set[Doubt]
) -> None:
    verdict = _judge(**attributes)

    assert verdict.refusal is None
    assert set(verdict.doubts) == doubts
    assert len(verdict.doubts) == len(doubts)


@pytest.mark.parametrize(
    "attributes",
    [
        {"SOPClassUID": DigitalXRayImageStorageForPresentation, "Modality": "DX"},
        {"SOPClassUID": SecondaryCaptureImageStorage, "Modality": "OT"},
        {"SOPClassUID": MultiFrameGrayscaleWordSecondaryCaptureImageStorage, "NumberOfFrames": 1},
        {"NumberOfFrames": 1},
        {"NumberOfFrames": "01"},
        {"NumberOfFrames": 0},
        {"NumberOfFrames": ""},
        {"Modality": "RG"},
        {"Modality": "dx"},
        {"BodyPartExamined": "chest"},
        {"BodyPartExamined": "THORAX"},
        {"BodyPartExamined": "PORT CHEST"},
        {"BodyPartExamined": "CHEST_PA"},
        {"BodyPartExamined": None, "SeriesDescription": "W_CHEST_PA", "ViewPosition": None},
        {"BodyPartExamined": "LUNG"},
        {"BodyPartExamined": None, "StudyDescription": "XR CHEST PORTABLE"},
        {"BodyPartExamined": None, "SeriesDescription": "Thorax p.a. stehend"},
        {"BodyPartExamined": None, "ProtocolName": "RX tórax"},
        {"BodyPartExamined": None, "StudyDescription": "Рентген органов грудной клетки"},
        {"BodyPartExamined": None, "StudyDescription": "胸部后前位"},
        {"BodyPartExamined": None, "StudyDescription": "Foto toraks"},
        {"BodyPartExamined": "CHEST", "StudyDescription": "Chest, abdomen"},
        {"ViewPosition": "PA", "PatientOrientation": ["L", "F"]},
        {"ViewPosition": None, "ProtocolName": "CHEST AP PORT"},
        {"BodyPartExamined": None, "RequestedProcedureDescription": "thoracic aorta"},
        {"ViewPosition": "AP"},
        {"ViewPosition": "ap"},
        {"ViewPosition": "AP_SUPINE"},
        {"ViewPosition": "P.A."},
        {"ViewPosition": "POSTERO-ANTERIOR"},
        {"ViewPosition": None, "SeriesDescription": "W033 Chest PA"},
        {"ViewPosition": None, "SeriesDescription": "Antero-posterior"},
    ],
    ids=str,
)
def test_film_that_says_it_in_other_words_is_eligible_without_doubt(attributes: dict[str, object]) -> None:
    verdict = _judge(**attributes)

    assert verdict.refusal is None
    assert verdict.doubts == ()


@pytest.mark.parametrize(
    ("code", "scheme", "refusal"),
    [
        ("399348003", "SCT", None),
        ("272479007", "SCT", None),
        ("399033003", "SCT", None),
        ("R-10206", "SRT", None),
        ("R-10214", "SRT", None),
        ("R-40888", "SRT", None),
        ("R-10214", "SNM3", None),
        ("399067008", "SCT", Refusal.NOT_FRONTAL),
        ("399173006", "SCT", Refusal.NOT_FRONTAL),
        ("399198007", "SCT", Refusal.NOT_FRONTAL),
        ("399135007", "SCT", Refusal.NOT_FRONTAL),
        ("399348003", "99SITE", Refusal.NOT_FRONTAL),
    ],
)
def test_view_may_be_coded(code: str, scheme: str, refusal: Refusal | None) -> None:
    verdict = _judge(ViewPosition=None, ViewCodeSequence=[_code(code, scheme)])

    assert verdict.refusal is refusal
    assert verdict.doubts == ()


@pytest.mark.parametrize(
    ("code", "scheme", "refusal"),
    [
        ("51185008", "SCT", None),
        ("816094009", "SCT", None),
        ("39607008", "SCT", None),
        ("T-D3000", "SRT", None),
        ("T-D3000", "SNM3", None),
        ("T-28000", "SRT", None),
        ("818981001", "SCT", Refusal.NOT_CHEST),
        ("72696002", "SCT", Refusal.NOT_CHEST),
    ],
)
def test_region_may_be_coded(code: str, scheme: str, refusal: Refusal | None) -> None:
    verdict = _judge(BodyPartExamined=None, AnatomicRegionSequence=[_code(code, scheme)])

    assert verdict.refusal is refusal
    assert verdict.doubts == ()


def test_codes_of_the_standard_for_chest_and_frontal_views_are_known() -> None:
    regions, views = codes.CID4031, codes.CID4010
    chest, frontal = regions.Chest, [views.AnteroPosterior, views.PosteroAnterior, views.Frontal]

    assert (chest.value, chest.scheme_designator) in CHEST_REGION_CODES
    assert {(view.value, view.scheme_designator) for view in frontal} <= FRONTAL_VIEW_CODES


def test_empty_code_sequences_say_nothing() -> None:
    verdict = _judge(BodyPartExamined=None, ViewPosition=None, AnatomicRegionSequence=[], ViewCodeSequence=[])

    assert set(verdict.doubts) == {Doubt.BODY_PART_UNKNOWN, Doubt.VIEW_UNKNOWN}


def test_code_sequence_that_is_none_says_nothing() -> None:
    header = _film(BodyPartExamined=None)
    header.add_new("AnatomicRegionSequence", "US", 7)

    assert _judge_header(header).doubts == (Doubt.BODY_PART_UNKNOWN,)


@pytest.mark.parametrize(
    ("stated", "years"),
    [
        ("040Y", 40),
        ("015Y", 15),
        ("014Y", 14),
        ("120Y", 120),
        ("45Y", 45),
        ("45y", 45),
        (" 045Y", 45),
        ("180M", 15),
        ("179M", 14),
        ("011M", 0),
        ("783W", 15),
        ("782W", 14),
        ("051W", 0),
        ("999D", 2),
        ("364D", 0),
    ],
)
def test_stated_age_counts_in_whole_years(stated: str, years: int) -> None:
    assert read_age_years(_film(PatientAge=stated, PatientBirthDate="19000101")) == years


@pytest.mark.parametrize(
    "stated", [None, "", "Y", "45", "011", "old", "-40Y", "999Y", "4.5Y", "040X", "40Y\\50Y", "000Y"]
)
def test_without_a_sensible_stated_age_the_birth_date_counts(stated: str | None) -> None:
    assert read_age_years(_film(PatientAge=stated, PatientBirthDate="19840131", StudyDate="20240131")) == 40


@pytest.mark.parametrize(
    ("born", "taken", "years"),
    [
        ("20090131", "20240131", 15),
        ("20090201", "20240131", 14),
        ("20080229", "20230228", 14),
        ("20080229", "20230301", 15),
        ("20240131", "20240131", 0),
        ("1984.01.31", "2024.01.31", 40),
        ("19040131", "20240131", 120),
        ("19030131", "20240131", None),
        ("19000101", "20240131", None),
        ("18991230", "20240131", None),
        ("18000101", "20240131", None),
        ("20240201", "20240131", None),
        ("20241301", "20240131", None),
        ("20230230", "20240131", None),
        ("00000000", "20240131", None),
        ("1984", "20240131", None),
        ("19840131", "", None),
        ("19840131", "19000101", None),
        ("19840131", "99999999", None),
        ("", "20240131", None),
        ("UNKNOWN", "20240131", None),
    ],
)
def test_age_is_birth_date_against_study_date(born: str, taken: str, years: int | None) -> None:
    header = _film(PatientAge=None, PatientBirthDate=born, StudyDate=taken)

    assert read_age_years(header) == years
    assert _judge_header(header).refusal is (Refusal.UNDER_AGE if years is not None and years < 15 else None)


def test_a_birth_date_that_stands_for_none_leaves_a_doubt() -> None:
    verdict = _judge(PatientAge="126Y", PatientBirthDate="19000101", StudyDate="20261201")

    assert verdict.doubts == (Doubt.AGE_UNKNOWN,)


@pytest.mark.parametrize("keyword", ["AcquisitionDate", "ContentDate", "SeriesDate"])
def test_study_without_date_is_dated_by_its_film(keyword: str) -> None:
    header = _film(PatientAge=None, PatientBirthDate="19840131", StudyDate=None, **{keyword: "20240131"})

    assert read_age_years(header) == 40


def test_study_date_before_birth_gives_way_to_the_acquisition_date() -> None:
    header = _film(
        PatientAge=None, PatientBirthDate="19840131", StudyDate="19700101", AcquisitionDate="20240131"
    )

    assert read_age_years(header) == 40


@pytest.mark.parametrize(("minimum", "refused"), [(0, False), (14, False), (15, True), (18, True)])
def test_minimum_age_is_the_sites(minimum: int, refused: bool) -> None:
    settings = GatewaySettings(minimum_age_years=minimum)

    verdict = judge(_film(PatientAge="014Y"), str(ExplicitVRLittleEndian), "MODALITY", settings)

    assert (verdict.refusal is Refusal.UNDER_AGE) == refused


@pytest.mark.parametrize("sender", ["DENTAL", " DENTAL ", "DETECTOR 2"])
def test_films_of_an_excluded_sender_are_refused_whatever_they_are(sender: str) -> None:
    verdict = judge(_film(SOPClassUID=CTImageStorage), str(ExplicitVRLittleEndian), sender, SETTINGS)

    assert verdict.refusal is Refusal.EXCLUDED_BY_RULE
    assert sender.strip() in verdict.detail


@pytest.mark.parametrize("sender", ["DENTAL2", "dental", "DETECTOR", ""])
def test_other_senders_are_not_excluded(sender: str) -> None:
    assert judge(_film(), str(ExplicitVRLittleEndian), sender, SETTINGS).refusal is None


@pytest.mark.parametrize("syntax", [str(MPEG2MPML), "1.2.840.10008.1.2.4.999", "1.2.3.4", ""])
def test_film_in_a_syntax_without_decoder_is_refused(syntax: str) -> None:
    assert judge(_film(), syntax, "MODALITY", SETTINGS).refusal is Refusal.UNSUPPORTED_TRANSFER_SYNTAX


def test_compressed_film_is_eligible() -> None:
    assert judge(_film(), str(JPEG2000), "MODALITY", SETTINGS).refusal is None


def test_first_rule_that_refuses_decides() -> None:
    wrong: dict[str, object] = {
        "SOPClassUID": CTImageStorage,
        "NumberOfFrames": 9,
        "Modality": "CT",
        "BodyPartExamined": "HIP",
        "ViewPosition": "LL",
        "PatientAge": "002Y",
    }
    found = []
    for keyword, right in {
        "SOPClassUID": _film().SOPClassUID,
        "NumberOfFrames": 1,
        "Modality": "CR",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientAge": "040Y",
    }.items():
        found.append(_judge(**wrong).refusal)
        wrong[keyword] = right

    assert found == [
        Refusal.UNSUPPORTED_SOP_CLASS,
        Refusal.MULTI_FRAME,
        Refusal.NOT_AN_XRAY,
        Refusal.NOT_CHEST,
        Refusal.NOT_FRONTAL,
        Refusal.UNDER_AGE,
    ]
    assert _judge(**wrong).refusal is None


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("RG1_UNCR.dcm", None),
        ("RG1_J2KR.dcm", None),
        ("RG3_UNCR.dcm", Refusal.NOT_CHEST),
        ("CT_small.dcm", Refusal.UNSUPPORTED_SOP_CLASS),
        ("test-SR.dcm", Refusal.UNSUPPORTED_SOP_CLASS),
        ("JPGExtended.dcm", Refusal.NOT_AN_XRAY),
    ],
)
def test_real_file_is_judged_by_its_header(name: str, refusal: Refusal | None) -> None:
    path = get_testdata_file(name, download=False)
    assert path is not None
    header = read_header(Path(path))

    verdict = judge(header.dataset, str(header.transfer_syntax), "MODALITY", SETTINGS)

    assert (verdict.refusal, verdict.doubts) == (refusal, ())


SILENT = {"Modality": None, "BodyPartExamined": None}


def test_where_the_header_is_silent_the_image_guard_decides_or_nobody_may() -> None:
    with_guard = _judge(**SILENT)
    header = _film(**SILENT)
    without = judge(header, str(ExplicitVRLittleEndian), "X", GatewaySettings(image_guard=False))

    assert (with_guard.refusal, with_guard.kind_unknown) == (None, True)
    assert (without.refusal, without.rule) == (Refusal.NOT_AN_XRAY, "something-known")


CHEST = Opinion(Certainty.CHEST, Picture.FRONTAL_CHEST, 0.9)
CERTAIN = replace(CHEST, near_certain=True)
UNSURE = Opinion(Certainty.UNSURE, Picture.FRONTAL_CHEST, 0.25)
TURNED = Opinion(Certainty.UNSURE, Picture.TURNED_CHEST, 0.1)
SEEMS_OTHER = Opinion(Certainty.UNSURE, Picture.OTHER_RADIOGRAPH, 0.1)
LATERAL = Opinion(Certainty.NO_CHEST, Picture.LATERAL_CHEST, 0.0)
OTHER = Opinion(Certainty.NO_CHEST, Picture.OTHER_RADIOGRAPH, 0.0)
NO_XRAY = Opinion(Certainty.NO_CHEST, Picture.NOT_AN_XRAY, 0.0)

NO_VIEW = {"ViewPosition": None}
NO_PART = {"BodyPartExamined": None}
NEITHER = {**NO_VIEW, **NO_PART}


@pytest.mark.parametrize(
    ("attributes", "opinion", "refusal", "doubts"),
    [
        ({}, CHEST, None, ()),
        ({}, UNSURE, None, (Doubt.GUARD_UNSURE,)),
        ({}, TURNED, None, (Doubt.GUARD_UNSURE,)),
        ({}, LATERAL, None, (Doubt.HEADER_DISAGREES,)),
        ({}, OTHER, None, (Doubt.HEADER_DISAGREES,)),
        ({}, NO_XRAY, Refusal.NOT_AN_XRAY, ()),
        (NO_VIEW, CHEST, None, ()),
        (NO_VIEW, UNSURE, None, (Doubt.VIEW_UNKNOWN, Doubt.GUARD_UNSURE)),
        (NO_VIEW, LATERAL, Refusal.NOT_FRONTAL, ()),
        (NO_VIEW, OTHER, None, (Doubt.VIEW_UNKNOWN, Doubt.HEADER_DISAGREES)),
        (NO_PART, CHEST, None, ()),
        (NO_PART, UNSURE, None, (Doubt.BODY_PART_UNKNOWN, Doubt.GUARD_UNSURE)),
        (NO_PART, LATERAL, None, (Doubt.BODY_PART_UNKNOWN, Doubt.HEADER_DISAGREES)),
        (NO_PART, OTHER, Refusal.NOT_CHEST, ()),
        (NEITHER, CERTAIN, None, ()),
        (NEITHER, CHEST, None, (Doubt.BODY_PART_UNKNOWN, Doubt.VIEW_UNKNOWN, Doubt.GUARD_UNSURE)),
        (NEITHER, LATERAL, Refusal.NOT_FRONTAL, ()),
        (NEITHER, OTHER, Refusal.NOT_CHEST, ()),
        (SILENT, CERTAIN, None, ()),
        (SILENT, CHEST, None, (Doubt.BODY_PART_UNKNOWN, Doubt.GUARD_UNSURE)),
        (SILENT, TURNED, None, (Doubt.BODY_PART_UNKNOWN, Doubt.GUARD_UNSURE)),
        (SILENT, SEEMS_OTHER, Refusal.NOT_CHEST, ()),
        (SILENT, OTHER, Refusal.NOT_CHEST, ()),
        ({"PatientAge": None, **NO_VIEW}, CERTAIN, None, (Doubt.AGE_UNKNOWN,)),
    ],
    ids=str,
)
def test_pixels_settle_what_the_header_does_not_tell_and_a_contradiction_is_a_doubt(
    attributes: dict[str, Any], opinion: Opinion, refusal: Refusal | None, doubts: tuple[Doubt, ...]
) -> None:
    verdict = judge_pixels(_judge(**attributes), opinion)

    assert (verdict.refusal, verdict.doubts) == (refusal, doubts)
    assert (verdict.rule == "image-guard") is (refusal is not None)
    silent = verdict.refusal is None and not set(verdict.doubts) - {Doubt.AGE_UNKNOWN}
    assert ("look" in verdict.detail) is not silent


@pytest.mark.parametrize(
    ("attributes", "observations"),
    [
        ({}, ()),
        (NO_VIEW, (Observation.VIEW_FROM_PIXELS,)),
        (NO_PART, (Observation.BODY_PART_FROM_PIXELS,)),
        (NEITHER, (Observation.BODY_PART_FROM_PIXELS, Observation.VIEW_FROM_PIXELS)),
    ],
    ids=str,
)
def test_a_film_says_what_was_judged_from_its_pixels(
    attributes: dict[str, Any], observations: tuple[Observation, ...]
) -> None:
    assert judge_pixels(_judge(**attributes), CERTAIN).observations == observations


@pytest.mark.parametrize(
    ("attributes", "doubts"),
    [
        ({**NO_VIEW, "SeriesDescription": "lateral"}, (Doubt.HEADER_DISAGREES,)),
        ({**NO_VIEW, "PatientOrientation": ["A", "F"]}, (Doubt.HEADER_DISAGREES,)),
        ({**NO_PART, "StudyDescription": "Knee left"}, (Doubt.HEADER_DISAGREES,)),
        (
            {**NO_PART, "StudyDescription": "Knee left", "PatientAge": None},
            (Doubt.HEADER_DISAGREES, Doubt.AGE_UNKNOWN),
        ),
    ],
    ids=str,
)
def test_pixels_that_show_a_frontal_chest_contest_a_description_or_an_orientation(
    attributes: dict[str, Any], doubts: tuple[Doubt, ...]
) -> None:
    header = _judge(**attributes)

    contested = judge_pixels(header, CERTAIN)

    assert header.refusal is not None
    assert (contested.refusal, contested.doubts, contested.rule) == (None, doubts, header.rule)
    assert judge_pixels(header, CHEST) == header
    assert judge_pixels(header, LATERAL) == header


def test_pixels_do_not_contest_other_refusals() -> None:
    lateral = {**NO_VIEW, "SeriesDescription": "lateral"}
    others: list[dict[str, Any]] = [
        {"PatientAge": "002Y"},
        {"PatientAge": "002Y", **lateral},
        {"Modality": "CT"},
        {"ViewPosition": "LL"},
        {"BodyPartExamined": "HIP"},
        {"BodyPartExamined": "HIP", **lateral},
    ]
    for attributes in others:
        header = _judge(**attributes)

        assert header.refusal is not None
        assert judge_pixels(header, CERTAIN) == header


def test_empty_header_is_refused_and_not_an_error() -> None:
    assert _judge_header(Dataset()).refusal is Refusal.UNSUPPORTED_SOP_CLASS


def _film(**attributes: Any) -> Dataset:
    return describe_film(np.zeros((8, 8), dtype=np.uint16), **attributes)


def _judge(**attributes: Any) -> Decision:
    return _judge_header(_film(**attributes))


def _judge_header(header: Dataset) -> Decision:
    return judge(header, str(ExplicitVRLittleEndian), "MODALITY", SETTINGS)


def _code(value: str, scheme: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, "meaning"
    return code
