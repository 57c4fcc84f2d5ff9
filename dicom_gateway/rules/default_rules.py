"""The rules that hold at every site, unless a rule of its own decides first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicom_gateway.association.presentation_contexts import DECODABLE_UIDS, FILM_SOP_CLASSES
from dicom_gateway.dataset_header import read_items, read_text
from dicom_gateway.rules.decision import PASSED, Decision
from dicom_gateway.rules.description_words import (
    CHEST_WORDS,
    FRONTAL_WORDS,
    LATERAL_WORDS,
    OTHER_BODY_WORDS,
    fold,
)
from dicom_gateway.rules.patient_age import read_age_years
from dicom_gateway.rules.rule_settings import RuleSettings
from dicom_gateway.rules.site_rules import Candidate
from dicom_gateway.settings import GatewaySettings
from domain.codes import Doubt, Refusal

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
    {
        *(("816094009", "SCT"), ("51185008", "SCT"), ("T-D3000", "SRT"), ("T-D3000", "SNM3")),
        *(("39607008", "SCT"), ("T-28000", "SRT"), ("T-28000", "SNM3")),
    }
)
"""Anatomic Region Sequence (0008,2218), CID 4031: chest, lung; 51185008 is the former code of the chest."""

FRONTAL_VIEW_CODES: Final = frozenset(
    {
        *(("399348003", "SCT"), ("R-10206", "SRT"), ("R-10206", "SNM3")),
        *(("272479007", "SCT"), ("R-40888", "SRT"), ("R-10214", "SRT"), ("R-10214", "SNM3")),
        *(("399033003", "SCT"), ("R-10202", "SRT"), ("R-10202", "SNM3")),
    }
)
"""View Code Sequence (0054,0220), CID 4010: antero-posterior, postero-anterior, frontal."""

LATERAL_DIRECTIONS: Final = ("A", "P")
"""First value of Patient Orientation (0020,0020), the direction of the rows: anterior or posterior."""

EMPTY_TERMS: Final = frozenset(
    {"UNKNOWN", "OTHER", "NONE", "NA", "UNDEFINED", "UNSPECIFIED", "GENERIC", "GENERICA", "DEFAULT"}
)
"""Values that some consoles write where nothing was chosen; they say nothing."""

DESCRIPTIONS: Final = (
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "RequestedProcedureDescription",
)
"""Texts that may name a part of the body."""

VIEW_DESCRIPTIONS: Final = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
"""Texts of one film or series that may name a view; a study's description often names two."""


@dataclass(frozen=True)
class DefaultRule:
    """One of the rules that hold at every site, tried after the site's own."""

    name: str
    meaning: str
    judge: Callable[[Candidate, GatewaySettings], Decision]
    waived_by: Callable[[RuleSettings], bool]
    """True for a site's rule that replaces this rule when it screens a film."""

    settles: Doubt | None = None
    """The doubt that a film has if the header does not tell."""


def _judge_sender(film: Candidate, settings: GatewaySettings) -> Decision:
    sender = film.calling_ae_title.strip()
    if sender in settings.excluded_calling_ae_titles:
        return Decision(Refusal.EXCLUDED_BY_RULE, f"sender {sender} is excluded by the settings")
    return PASSED


def _judge_sop_class(film: Candidate, settings: GatewaySettings) -> Decision:
    sop_class = read_text(film.header, "SOPClassUID", 64) or ""
    if sop_class not in FILM_SOP_CLASSES:
        name = UID(sop_class).name or "an object without SOP class"
        return Decision(Refusal.UNSUPPORTED_SOP_CLASS, f"{name} is not a radiograph for presentation")
    return PASSED


def _judge_transfer_syntax(film: Candidate, settings: GatewaySettings) -> Decision:
    if film.transfer_syntax_uid not in DECODABLE_UIDS:
        detail = f"no decoder for transfer syntax {film.transfer_syntax_uid}"
        return Decision(Refusal.UNSUPPORTED_TRANSFER_SYNTAX, detail)
    return PASSED


def _judge_frames(film: Candidate, settings: GatewaySettings) -> Decision:
    frames = read_text(film.header, "NumberOfFrames", 12)
    if frames is not None and frames.lstrip("0") not in ("1", ""):
        return Decision(Refusal.MULTI_FRAME, f"{frames} frames; a film is one image")
    return PASSED


def _judge_modality(film: Candidate, settings: GatewaySettings) -> Decision:
    modality = _read_modality(film.header)
    if modality and modality not in XRAY_MODALITIES and modality != "OT":
        return Decision(Refusal.NOT_AN_XRAY, f"modality {modality}")
    return PASSED


def _judge_body_part(film: Candidate, settings: GatewaySettings) -> Decision:
    described = _read_texts(film.header, DESCRIPTIONS)
    chest, other = CHEST_WORDS.search(described), OTHER_BODY_WORDS.search(described)
    unknown = Decision(None, "", (Doubt.BODY_PART_UNKNOWN,))
    stated = _read_term(film.header, "BodyPartExamined", 64)
    regions = _read_codes(film.header, "AnatomicRegionSequence")
    if stated is not None:
        if _fold_term(stated) not in CHEST_BODY_PARTS and not CHEST_WORDS.search(fold(stated)):
            return Decision(Refusal.NOT_CHEST, f"body part examined is {stated}")
    elif regions and not regions & CHEST_REGION_CODES:
        return Decision(Refusal.NOT_CHEST, "the anatomic region is neither chest nor lung")
    elif not regions and not chest:
        if other:
            return Decision(Refusal.NOT_CHEST, "a description names another part of the body", contested=())
        return unknown
    is_contradicted = other if not chest else other and stated is None and not regions
    return unknown if is_contradicted else PASSED


def _judge_view(film: Candidate, settings: GatewaySettings) -> Decision:
    orientation = (read_text(film.header, "PatientOrientation", 16) or "").strip("[]'\" ").upper()
    turned_aside = orientation.startswith(LATERAL_DIRECTIONS)
    unknown = Decision(None, "", (Doubt.VIEW_UNKNOWN,))
    stated = _read_term(film.header, "ViewPosition", 32)
    codes = _read_codes(film.header, "ViewCodeSequence")
    described = _read_texts(film.header, VIEW_DESCRIPTIONS)
    frontal, lateral = FRONTAL_WORDS.search(described), LATERAL_WORDS.search(described)
    if stated is not None:
        if _fold_term(stated) not in FRONTAL_VIEWS:
            return Decision(Refusal.NOT_FRONTAL, f"view position is {stated}")
    elif codes:
        if not codes & FRONTAL_VIEW_CODES:
            detail = "the view code is neither antero-posterior nor postero-anterior"
            return Decision(Refusal.NOT_FRONTAL, detail)
    elif lateral and not frontal:
        detail = "a description names a view that is not frontal"
        return Decision(Refusal.NOT_FRONTAL, detail, contested=())
    elif turned_aside and not frontal:
        detail = "the patient orientation is that of a lateral film"
        return Decision(Refusal.NOT_FRONTAL, detail, contested=())
    elif lateral or not frontal:
        return unknown  # also for "PA and lateral", which names both views
    return unknown if turned_aside else PASSED


def _judge_something_known(film: Candidate, settings: GatewaySettings) -> Decision:
    is_xray = _read_modality(film.header) in XRAY_MODALITIES
    if not is_xray and Doubt.BODY_PART_UNKNOWN in _judge_body_part(film, settings).doubts:
        if settings.image_guard:
            return Decision(None, "", kind_unknown=True)
        return Decision(Refusal.NOT_AN_XRAY, "nothing in the header speaks of an X-ray or of a chest")
    return PASSED


def _judge_age(film: Candidate, settings: GatewaySettings) -> Decision:
    age = read_age_years(film.header)
    if age is None:
        return Decision(None, "", (Doubt.AGE_UNKNOWN,))
    if age < settings.minimum_age_years:
        years = settings.minimum_age_years
        return Decision(Refusal.UNDER_AGE, f"patient under {years} years (minimum_age_years)")
    return PASSED


def _read_modality(header: Dataset) -> str:
    return (read_text(header, "Modality", 16) or "").upper()


def _read_texts(header: Dataset, keywords: tuple[str, ...]) -> str:
    """Return attributes as one text for the patterns of `description_words`."""
    return fold(" | ".join(read_text(header, keyword, 256) or "" for keyword in keywords))


def _read_term(header: Dataset, keyword: str, length: int) -> str | None:
    """Return a coded term, or None if it is absent, empty or says nothing."""
    text = read_text(header, keyword, length)
    return None if text is None or says_nothing(text) else text


def says_nothing(term: str) -> bool:
    """True for a coded term that some consoles write where nothing was chosen."""
    return _fold_term(term) in EMPTY_TERMS


def _read_codes(header: Dataset, keyword: str) -> set[tuple[str, str]]:
    return {
        (read_text(item, "CodeValue", 16) or "", read_text(item, "CodingSchemeDesignator", 16) or "")
        for item in read_items(header, keyword)
    }


def _fold_term(text: str) -> str:
    return re.sub(r"[^A-Z]", "", text.upper())


def _always(site: RuleSettings) -> bool:
    return True


def _never(site: RuleSettings) -> bool:
    return False


DEFAULT_RULES: Final = (
    DefaultRule(
        "excluded-sender",
        "senders of excluded_calling_ae_titles are refused",
        _judge_sender,
        lambda site: bool(site.calling_ae_titles),
    ),
    DefaultRule(
        "sop-class", "radiographs for presentation and secondary captures", _judge_sop_class, _always
    ),
    DefaultRule("transfer-syntax", "transfer syntaxes with a decoder", _judge_transfer_syntax, _never),
    DefaultRule("frames", "one image", _judge_frames, _never),
    DefaultRule("modality", "CR, DX, DR, RG, CXR; OT or none may be one", _judge_modality, _always),
    DefaultRule(
        "body-part",
        "chest, by body part, region code or descriptions",
        _judge_body_part,
        _always,
        Doubt.BODY_PART_UNKNOWN,
    ),
    DefaultRule(
        "view",
        "AP or PA, by view position, view code, description or orientation",
        _judge_view,
        _always,
        Doubt.VIEW_UNKNOWN,
    ),
    DefaultRule(
        "something-known",
        "modality, body part or a description speak of an X-ray or a chest, or the image guard sees one",
        _judge_something_known,
        _always,
    ),
    DefaultRule(
        "age",
        "minimum_age_years or older; unknown is screened with a doubt",
        _judge_age,
        lambda site: site.names_age,
    ),
)
"""In the order in which they are tried."""
