"""May this film be screened? Decided from its header; if not, a coded refusal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from db.codes import Doubt, Refusal
from dicom_gateway.dataset_header import read_items, read_text
from dicom_gateway.presentation_contexts import DECODABLE_UIDS
from dicom_gateway.settings import GatewaySettings

SCREENED_SOP_CLASSES: Final = frozenset(
    {
        str(ComputedRadiographyImageStorage),
        str(DigitalXRayImageStorageForPresentation),
        str(SecondaryCaptureImageStorage),
        str(MultiFrameGrayscaleByteSecondaryCaptureImageStorage),
        str(MultiFrameGrayscaleWordSecondaryCaptureImageStorage),
        str(MultiFrameTrueColorSecondaryCaptureImageStorage),
    }
)
"""PS3.4 B.5. Raw detector data (DX Image Storage - For Processing) is not what a reader sees."""

XRAY_MODALITIES: Final = frozenset({"CR", "DX", "DR", "RG", "CXR"})

CHEST_BODY_PARTS: Final = frozenset({"CHEST", "THORAX", "LUNG", "LUNGS", "CXR", "PORTCHEST"})
"""Body Part Examined (0018,0015), spaces and punctuation removed; CHEST is the defined term (PS3.16 L)."""

FRONTAL_VIEWS: Final = frozenset(
    {
        "PA",
        "AP",
        "PAERECT",
        "APERECT",
        "APSUPINE",
        "APPORTABLE",
        "POSTEROANTERIOR",
        "ANTEROPOSTERIOR",
        "FRONTAL",
    }
)
"""View Position (0018,5101), spaces and punctuation removed; AP and PA are the defined terms."""

CHEST_REGION_CODES: Final = frozenset(
    {("51185008", "SCT"), ("T-D3000", "SRT"), ("39607008", "SCT"), ("T-28000", "SRT")}
)
"""Anatomic Region Sequence (0008,2218): chest, lung."""

FRONTAL_VIEW_CODES: Final = frozenset(
    {
        *(("399348003", "SCT"), ("R-10206", "SRT"), ("R-10206", "SNM3")),
        *(("272479007", "SCT"), ("R-10214", "SRT"), ("R-10214", "SNM3")),
        *(("399033003", "SCT"), ("R-10202", "SRT"), ("R-10202", "SNM3")),
    }
)
"""View Code Sequence (0054,0220), CID 4010: antero-posterior, postero-anterior, frontal."""

CHEST_WORDS: Final = re.compile(
    r"\b(chest|thorax|thoracic(?!\W*(?:spine|vertebra))|cxr|lungs?|torax|tórax|poumons?)\b", re.IGNORECASE
)
LATERAL_WORDS: Final = re.compile(r"\b(lat|lateral|ll|rl|profil|seitlich|oblique|decub\w*)\b", re.IGNORECASE)
FRONTAL_WORDS: Final = re.compile(r"\b(pa|ap|frontal|postero-?anterior|antero-?posterior)\b", re.IGNORECASE)

OLDEST_YEARS: Final = 130
"""An age beyond this comes from a wrong date or a placeholder, and is as good as none."""

OWN_MANUFACTURER: Final = "tbscreen"
"""Manufacturer (0008,0070) of every object that tbscreen makes."""


@dataclass(frozen=True)
class Verdict:
    """Either a refusal with the rule that decided, or the doubts with which the film is screened."""

    refusal: Refusal | None
    detail: str
    doubts: tuple[Doubt, ...] = ()


def judge(
    header: Dataset, transfer_syntax_uid: str, calling_ae_title: str, settings: GatewaySettings
) -> Verdict:
    """Decide by header whether a film is screened.

    The first rule that refuses decides, in this order: excluded sender, SOP class, transfer syntax,
    frames, modality, body part, view, age.
    """
    sop_class = read_text(header, "SOPClassUID", 64) or ""
    if calling_ae_title.strip() in settings.excluded_calling_ae_titles:
        return Verdict(
            Refusal.EXCLUDED_BY_RULE, f"sender {calling_ae_title.strip()} is excluded by the settings"
        )
    if sop_class not in SCREENED_SOP_CLASSES:
        name = UID(sop_class).name or "an object without SOP class"
        return Verdict(Refusal.UNSUPPORTED_SOP_CLASS, f"{name} is not a radiograph for presentation")
    if transfer_syntax_uid not in DECODABLE_UIDS:
        return Verdict(
            Refusal.UNSUPPORTED_TRANSFER_SYNTAX, f"no decoder for transfer syntax {transfer_syntax_uid}"
        )
    frames = read_text(header, "NumberOfFrames", 12)
    if frames is not None and frames.lstrip("0") not in ("1", ""):
        return Verdict(Refusal.MULTI_FRAME, f"{frames} frames; a film is one image")
    doubts: list[Doubt] = []
    modality = (read_text(header, "Modality", 16) or "").upper()
    for rule in (_judge_modality, _judge_body_part, _judge_view):
        verdict = rule(header)
        if verdict.refusal is not None:
            return verdict
        doubts.extend(verdict.doubts)
    if modality not in XRAY_MODALITIES and Doubt.BODY_PART_UNKNOWN in doubts:
        return Verdict(Refusal.NOT_AN_XRAY, "nothing in the header speaks of an X-ray or of a chest")
    age = read_age_years(header)
    if age is None:
        doubts.append(Doubt.AGE_UNKNOWN)
    elif age < settings.minimum_age_years:
        return Verdict(
            Refusal.UNDER_AGE, f"patient under {settings.minimum_age_years} years (minimum_age_years)"
        )
    return Verdict(None, "eligible", tuple(doubts))


def is_own_output(header: Dataset) -> bool:
    """True for an object that says tbscreen made it, also where a PACS gave it a new UID."""
    return (read_text(header, "Manufacturer", 64) or "").lower() == OWN_MANUFACTURER


def read_age_years(header: Dataset) -> int | None:
    """Return the age in whole years: Patient's Age (0010,1010), else birth date against study date.

    A study without date is dated by its acquisition, content or series.
    """
    stated = re.fullmatch(r"(\d{1,3})([DWMY]?)", (read_text(header, "PatientAge", 8) or "").upper())
    if stated:
        number, unit = int(stated.group(1)), stated.group(2) or "Y"  # years where no unit is given
        per_year = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[unit]
        age = int(number / per_year)
        # "000Y" is what some consoles write when nobody entered an age; newborns have days or months.
        if age <= OLDEST_YEARS and (number, unit) != (0, "Y"):
            return age
    born = _read_date(header, "PatientBirthDate")
    if born is None:
        return None
    for keyword in ("StudyDate", "AcquisitionDate", "ContentDate", "SeriesDate"):
        taken = _read_date(header, keyword)
        if taken is not None and taken >= born:
            years = taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day))
            return years if 0 <= years <= OLDEST_YEARS else None
    return None


def _judge_modality(header: Dataset) -> Verdict:
    modality = (read_text(header, "Modality", 16) or "").upper()
    if modality and modality not in XRAY_MODALITIES and modality != "OT":
        return Verdict(Refusal.NOT_AN_XRAY, f"modality {modality}")
    return Verdict(None, "")


def _judge_body_part(header: Dataset) -> Verdict:
    stated = read_text(header, "BodyPartExamined", 64)
    if stated is not None:
        if _fold(stated) in CHEST_BODY_PARTS or CHEST_WORDS.search(stated.replace("_", " ")):
            return Verdict(None, "")
        return Verdict(Refusal.NOT_CHEST, f"body part examined is {stated}")
    regions = _read_codes(header, "AnatomicRegionSequence")
    if regions:
        if regions & CHEST_REGION_CODES:
            return Verdict(None, "")
        return Verdict(Refusal.NOT_CHEST, "the anatomic region is neither chest nor lung")
    if CHEST_WORDS.search(_read_descriptions(header)):
        return Verdict(None, "")
    return Verdict(None, "", (Doubt.BODY_PART_UNKNOWN,))


def _judge_view(header: Dataset) -> Verdict:
    stated = read_text(header, "ViewPosition", 32)
    if stated is not None:
        if _fold(stated) in FRONTAL_VIEWS:
            return Verdict(None, "")
        return Verdict(Refusal.NOT_FRONTAL, f"view position is {stated}")
    codes = _read_codes(header, "ViewCodeSequence")
    if codes:
        if codes & FRONTAL_VIEW_CODES:
            return Verdict(None, "")
        return Verdict(Refusal.NOT_FRONTAL, "the view code is neither antero-posterior nor postero-anterior")
    described = (read_text(header, "SeriesDescription", 64) or "").replace("_", " ")
    frontal, lateral = FRONTAL_WORDS.search(described), LATERAL_WORDS.search(described)
    if frontal and not lateral:
        return Verdict(None, "")
    if lateral and not frontal:
        return Verdict(Refusal.NOT_FRONTAL, "the series description names a view that is not frontal")
    return Verdict(None, "", (Doubt.VIEW_UNKNOWN,))  # also "PA and lateral": which of the two is this?


def _read_descriptions(header: Dataset) -> str:
    keywords = ("StudyDescription", "SeriesDescription", "ProtocolName", "RequestedProcedureDescription")
    return " ".join(read_text(header, keyword, 256) or "" for keyword in keywords).replace("_", " ")


def _read_codes(header: Dataset, keyword: str) -> set[tuple[str, str]]:
    return {
        (read_text(item, "CodeValue", 16) or "", read_text(item, "CodingSchemeDesignator", 16) or "")
        for item in read_items(header, keyword)
    }


def _read_date(header: Dataset, keyword: str) -> date | None:
    text = (read_text(header, keyword, 10) or "").replace(".", "")
    if not re.fullmatch(r"\d{8}", text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def _fold(text: str) -> str:
    return re.sub(r"[^A-Z]", "", text.upper())
