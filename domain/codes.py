"""The coded values that columns hold. Their names are part of the public interface: never rename one."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Why a film was not screened."""

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


class Doubt(StrEnum):
    """What could not be verified of a film that is screened all the same. Its finding is Undetermined."""

    AGE_UNKNOWN = "age_unknown"
    VIEW_UNKNOWN = "view_unknown"
    BODY_PART_UNKNOWN = "body_part_unknown"
    GUARD_UNSURE = "guard_unsure"
    """The pixels do not clearly show an upright frontal chest film."""
    OTHER = "other"
    """One that a newer version wrote and this one does not know: never written, only read."""

    @classmethod
    def _missing_(cls, value: object) -> Doubt | None:
        # A film with a doubt is Undetermined whatever the doubt is: no reason to hand it back.
        return cls.OTHER if isinstance(value, str) else None


class Finding(StrEnum):
    """What a screening says (DICOM CID 240 Present-Absent-Undetermined)."""

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
        """3 for HIGH, 2 for MEDIUM, 1 for LOW: greater is more urgent."""
        return {"HIGH": 3, "MEDIUM": 2, "LOW": 1}[self.value]


class Verdict(StrEnum):
    """What a radiologist's read says of a study."""

    TB = "tb"
    NOT_TB = "not_tb"
    UNSURE = "unsure"


class ReportKind(StrEnum):
    """What kind of object tbscreen makes of a film."""

    SR = "sr"
    """Structured Report of a screening."""
    SC = "sc"
    """Secondary Capture of a screening: the film with its heat map, for viewers that show no SR."""
    REFUSAL = "refusal"
    """Structured Report that says that a film was not analysed, and why."""
