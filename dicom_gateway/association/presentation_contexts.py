"""The SOP classes and transfer syntaxes that are negotiated, as tables."""

from __future__ import annotations

from typing import Final

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
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    Verification,
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
