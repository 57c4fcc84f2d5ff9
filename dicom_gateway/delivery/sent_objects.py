"""The objects that the courier sends: SOP classes and transfer syntaxes as tables, conversion for a peer."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)
from pynetdicom.presentation import PresentationContext, build_context

from dicom_gateway.association.presentation_contexts import VERIFICATION

UNCOMPRESSED: Final[tuple[UID, ...]] = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)

SENT_CONTEXTS: Final[Mapping[str, tuple[tuple[UID, ...], ...]]] = {
    str(Comprehensive3DSRStorage): (UNCOMPRESSED,),
    str(ComprehensiveSRStorage): (UNCOMPRESSED,),
    str(SecondaryCaptureImageStorage): (UNCOMPRESSED, (JPEGBaseline8Bit,)),
    str(GrayscaleSoftcopyPresentationStateStorage): (UNCOMPRESSED,),
}
"""Transfer syntaxes by SOP class; each tuple is proposed in a presentation context of its own. A peer accepts
one syntax of a context, so it may accept both compressed and uncompressed objects."""


def offer(sop_classes: Iterable[str]) -> list[PresentationContext]:
    """Return the presentation contexts (PS3.8 9.3.2.2) for objects of these SOP classes.

    Verification is offered too. Without an accepted context there is no association, and a peer that takes
    none of our SOP classes would look like a peer that is away.
    """
    contexts = [
        build_context(sop_class, list(syntaxes))
        for sop_class in dict.fromkeys(sop_classes)
        for syntaxes in SENT_CONTEXTS.get(sop_class, (UNCOMPRESSED,))
    ]
    return [*contexts, build_context(VERIFICATION)]


def read_for_peer(part10: bytes, accepted: Collection[PresentationContext]) -> Dataset | None:
    """Return an object in a transfer syntax that the peer accepted: as stored, else decompressed.

    It remains the same SOP instance: another transfer syntax is another encoding (PS3.5 10), and Lossy Image
    Compression (0028,2110) states the earlier compression.

    Args:
        part10: the stored object.
        accepted: presentation contexts that the peer accepted.

    Returns:
        None when the peer accepted the SOP class in no transfer syntax that can be produced here.
    """
    dataset = dcmread(io.BytesIO(part10))
    syntaxes = {
        str(context.transfer_syntax[0])
        for context in accepted
        if context.abstract_syntax == dataset.SOPClassUID and context.transfer_syntax
    }
    stored_as = dataset.file_meta.TransferSyntaxUID
    if stored_as in syntaxes:
        return dataset
    if not syntaxes & {str(syntax) for syntax in UNCOMPRESSED}:
        return None
    if not stored_as.is_compressed:
        return dataset  # pynetdicom encodes it in the accepted syntax
    dataset.decompress(generate_instance_uid=False)
    return dataset


def decompress(part10: bytes) -> bytes | None:
    """Return a compressed object decompressed, as the same SOP instance; None for an uncompressed one."""
    dataset = dcmread(io.BytesIO(part10))
    if not dataset.file_meta.TransferSyntaxUID.is_compressed:
        return None
    dataset.decompress(generate_instance_uid=False)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()
