"""The coded values in columns and in REST. They are part of the public interface: never rename them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Refusal(StrEnum):
    """The reason for which a film is not screened."""

    NOT_CHEST = "not_chest"
    NOT_FRONTAL = "not_frontal"
    UNDER_AGE = "under_age"
    UNSUPPORTED_SOP_CLASS = "unsupported_sop_class"
    UNSUPPORTED_TRANSFER_SYNTAX = "unsupported_transfer_syntax"
    UNDECODABLE = "undecodable"
    MULTI_FRAME = "multi_frame"
    NOT_AN_XRAY = "not_an_xray"
    EXCLUDED_BY_RULE = "excluded_by_rule"
    OWN_OUTPUT = "own_output"
    PROCESSING_FAILED = "processing_failed"
    SAME_FILM = "same_film"
    """Another revision is the same film in another encoding: its result is this film's."""


FAILURES: Final = frozenset({Refusal.UNDECODABLE, Refusal.PROCESSING_FAILED})
"""Refusals for a technical reason; the others say what a film is."""

UNREPORTED: Final = frozenset({Refusal.OWN_OUTPUT, Refusal.SAME_FILM})
"""Refusals that the worklist does not show and that no peer is told."""


class Doubt(StrEnum):
    """A condition of a screened film that could not be verified; its finding is Undetermined."""

    AGE_UNKNOWN = "age_unknown"
    VIEW_UNKNOWN = "view_unknown"
    BODY_PART_UNKNOWN = "body_part_unknown"
    GUARD_UNSURE = "guard_unsure"
    """The pixels do not clearly show an upright frontal chest film."""
    HEADER_DISAGREES = "header_disagrees"
    """The header names another part of the body or another view than the pixels show."""
    OTHER = "other"
    """A doubt of a newer version, read but never written by this one."""

    @classmethod
    def _missing_(cls, value: object) -> Doubt | None:
        # A film is Undetermined with any doubt, so that an unknown doubt does not prevent its screening.
        return cls.OTHER if isinstance(value, str) else None


class Notice(StrEnum):
    """A remark on a film's patient data or revisions; it changes neither finding nor priority."""

    PATIENT_MISMATCH = "patient_mismatch"
    """The film names another patient than its study."""
    CONFLICT = "conflict"
    """Films of different patients or studies came under one SOP Instance UID; a person decides."""
    PROPOSED_MERGE = "proposed_merge"
    """An archive sent the same pixels for another patient; a person confirms that the patients are one."""
    REVISION_FAILED = "revision_failed"
    """A newer revision of the film could not be screened for a technical reason; this one's result stands."""


class NoticedEvent(StrEnum):
    """An event of which people or programs are told by `[notices]`."""

    HIGH_FINDING = "high_finding"
    """A film was screened with priority HIGH."""
    PARKED_DELIVERY = "parked_delivery"
    """A report or an HL7 message was parked: refused for good, tried too often, or not to be built."""
    SILENT_STATION = "silent_station"
    """A station that sent films sends none any more."""
    DRIFT = "drift"
    """Films or scores of a station drift, or more people are referred than expected."""


OTHER_PATIENT_NOTICES: Final = frozenset(
    {Notice.CONFLICT.value, Notice.PROPOSED_MERGE.value, Notice.PATIENT_MISMATCH.value}
)
"""Notices of films that name different patients."""


class ConflictDecision(StrEnum):
    """A person's decision on films of different patients or studies under one SOP Instance UID."""

    BOTH = "both"
    """They are two films; both stand."""
    NEWER = "newer"
    """The film that came corrects the one that was there, which stands no more."""
    OLDER = "older"
    """The film that came was sent by mistake; the one that was there stands."""
    MERGE = "merge"
    """The film that was there stands with its result, for the patient and study of the film that came."""


class Observation(StrEnum):
    """A property of a screened film that was judged from its pixels, not from its header."""

    BODY_PART_FROM_PIXELS = "body_part_from_pixels"
    VIEW_FROM_PIXELS = "view_from_pixels"
    TURNED_90 = "turned_90"
    """The array was turned by 90 degrees counter-clockwise before it was scored."""
    TURNED_180 = "turned_180"
    TURNED_270 = "turned_270"
    INVERTED = "inverted"
    """The grey values of the array were inverted before it was scored."""
    OTHER = "other"
    """An observation of a newer version, read but never written by this one."""

    @classmethod
    def _missing_(cls, value: object) -> Observation | None:
        return cls.OTHER if isinstance(value, str) else None


class Finding(StrEnum):
    """The finding of a screening (DICOM CID 240 Present-Absent-Undetermined)."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


class Priority(StrEnum):
    """Scheduled Procedure Step Priority (0074,1200), PS3.3 C.30.2."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"

    @property
    def rank(self) -> int:
        """3 for HIGH, 2 for MEDIUM, 1 for LOW; a greater rank is more urgent."""
        return {"HIGH": 3, "MEDIUM": 2, "LOW": 1}[self.value]


class Verdict(StrEnum):
    """A radiologist's verdict on a study."""

    TB = "tb"
    NOT_TB = "not_tb"
    UNSURE = "unsure"


class ReadOrigin(StrEnum):
    """The interfaces that take reads."""

    PAGE = "page"
    """The page, which proves that each film of the study was on the reader's screen."""
    REST = "rest"
    """A program, by REST."""


class Trust(StrEnum):
    """Reasons to trust a bundle that no trusted site key has signed."""

    SHIPPED = "shipped"
    """It is the bundle that came with tbscreen, by the digest in the package."""
    BEFORE = "before"
    """It was in the database before bundles were signed."""
    REASON = "reason"
    """A person gave a reason."""


class GoldenOrigin(StrEnum):
    """Origins of the golden scores of a bundle."""

    SEAL = "seal"
    """Its seal, written when the bundle was made."""
    EXAMINATION = "examination"
    """Its examination here, at its registration or activation."""


class ReportKind(StrEnum):
    """The kinds of objects that tbscreen makes."""

    SR = "sr"
    """Structured Report of a screening."""
    SC = "sc"
    """Secondary Capture of a screening: the film with its heat map, for viewers that show no SR."""
    GSPS = "gsps"
    """Grayscale Softcopy Presentation State of a screening: outline and text over the film itself."""
    REFUSAL = "refusal"
    """Structured Report that a film was not analysed, with the reason."""


class MessageKind(StrEnum):
    """The kinds of HL7 messages on a film."""

    RESULT = "result"
    """The first result on a film that a receiver gets."""
    CORRECTION = "correction"
    """A result that replaces an earlier one on the same film."""
    WITHDRAWAL = "withdrawal"
    """The result that was sent does not stand any more."""
    REFUSAL = "refusal"
    """The film was not analysed."""
