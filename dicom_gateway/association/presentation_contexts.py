"""The SOP classes and transfer syntaxes that the gateway negotiates, as tables.

Every storage SOP class is accepted: what cannot be screened is taken and refused by a row, so that a
PACS that routes everything sees no failed associations and nothing is silent.
"""

from __future__ import annotations

from typing import Final

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    MPEG2MPHL,
    MPEG2MPML,
    MPEG4HP41,
    MPEG4HP41BD,
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
)
from pynetdicom.service_class import ServiceClass, StorageServiceClass
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    Verification,
    register_uid,
    uid_to_service_class,
)

VERIFICATION: Final[str] = str(Verification)

STORAGE_COMMITMENT: Final[str] = str(StorageCommitmentPushModel)
"""PS3.4 J.3.5."""
STORAGE_COMMITMENT_INSTANCE: Final[str] = str(StorageCommitmentPushModelInstance)
"""Its one, well-known instance."""

UNCOMPRESSED: Final = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
)

DECODABLE: Final = (
    *UNCOMPRESSED,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLosslessSV1,
    JPEGLossless,
    RLELossless,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000,
    JPEGLSNearLossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    HTJ2K,
)
"""Transfer syntaxes of films that can be screened."""

RECORDED_ONLY: Final = (MPEG2MPML, MPEG2MPHL, MPEG4HP41, MPEG4HP41BD)
"""Taken, and refused as `unsupported_transfer_syntax` (or for their SOP class, which comes first)."""

ACCEPTED_TRANSFER_SYNTAXES: Final = (*DECODABLE, *RECORDED_ONLY)

STORAGE_SOP_CLASSES: Final = tuple(
    uid
    for uid, (name, kind, *_) in UID_dictionary.items()
    if kind == "SOP Class"
    and "Storage" in name
    and "Storage Commitment" not in name
    and "Directory" not in name
)
"""Every composite storage SOP class of PS3.6 A, retired ones included."""

for _uid in STORAGE_SOP_CLASSES:
    if uid_to_service_class(_uid) is ServiceClass:
        # pynetdicom knows no service for it, mostly a retired class, and would abort at the first C-STORE.
        register_uid(_uid, UID_dictionary[_uid][4], StorageServiceClass)

FILM_SOP_CLASSES: Final = tuple(
    str(uid)
    for uid in (
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        SecondaryCaptureImageStorage,
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
    )
)
"""SOP classes of films that can be screened (PS3.4 B.5); they are pulled, too. Raw detector data (DX Image
Storage - For Processing) is not what a reader sees."""

DECODABLE_UIDS: Final = frozenset(str(syntax) for syntax in DECODABLE)
