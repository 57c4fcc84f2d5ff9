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
"""Storage Commitment Push Model SOP Class (PS3.4 J.3.5)."""
STORAGE_COMMITMENT_INSTANCE: Final[str] = str(StorageCommitmentPushModelInstance)
"""Well-known SOP Instance of the Storage Commitment Push Model (PS3.4 J.3.5)."""

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
"""Transfer syntaxes that are accepted; films in them are refused as `unsupported_transfer_syntax`, or for
their SOP class, which is judged first."""

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
"""SOP classes of films that are screened and pulled (PS3.4 B.5). Raw detector data (DX Image Storage - For
Processing) is not for display and not among them."""

DECODABLE_UIDS: Final = frozenset(str(syntax) for syntax in DECODABLE)
