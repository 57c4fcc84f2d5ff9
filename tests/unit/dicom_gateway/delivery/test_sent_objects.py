from __future__ import annotations

import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)
from pynetdicom.presentation import PresentationContext, build_context

from dicom_gateway.delivery.sent_objects import SENT_CONTEXTS, offer, read_for_peer
from dicom_gateway.results.presentation_state import build_presentation_state
from dicom_gateway.results.secondary_capture import build_secondary_capture
from dicom_gateway.results.sr_document import SR_CLASSES
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.settings import CourierSettings
from tests.films import real_film
from tests.screened_films import draw_rendition
from tests.unit.reportable import make_screening

VERIFICATION = "1.2.840.10008.1.1"


@pytest.fixture(scope="module")
def picture() -> bytes:
    screening = make_screening(real_film())
    return build_secondary_capture(screening, draw_rendition(), None, CourierSettings(), "9.9").part10


def accepted(*syntaxes: str, sop_class: str = SecondaryCaptureImageStorage) -> list[PresentationContext]:
    return [build_context(VERIFICATION), *(build_context(sop_class, syntax) for syntax in syntaxes)]


def test_each_sop_class_is_offered_once_for_each_way_to_send_it() -> None:
    contexts = offer([SecondaryCaptureImageStorage, Comprehensive3DSRStorage, SecondaryCaptureImageStorage])

    offered = [(str(context.abstract_syntax), [*map(str, context.transfer_syntax)]) for context in contexts]
    plain = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    assert offered == [
        (SecondaryCaptureImageStorage, plain),
        (SecondaryCaptureImageStorage, [JPEGBaseline8Bit]),
        (Comprehensive3DSRStorage, plain),
        (VERIFICATION, [*map(str, build_context(VERIFICATION).transfer_syntax)]),
    ]


def test_the_table_names_everything_that_is_built(picture: bytes) -> None:
    built = {dcmread(io.BytesIO(picture)).SOPClassUID}
    for name in SR_CLASSES:
        report = build_report(make_screening(real_film()), None, CourierSettings(sr_sop_class=name), "9.9")
        built.add(report.sop_class_uid)
    state = build_presentation_state(make_screening(real_film()), None, None, CourierSettings(), "9.9")
    built.add(state.sop_class_uid)
    assert built == set(SENT_CONTEXTS)


@pytest.mark.parametrize(
    ("syntaxes", "sent_as"),
    [
        ([JPEGBaseline8Bit], JPEGBaseline8Bit),
        ([ExplicitVRLittleEndian, JPEGBaseline8Bit], JPEGBaseline8Bit),
        ([ExplicitVRLittleEndian], ExplicitVRLittleEndian),
        (
            [ImplicitVRLittleEndian],
            ExplicitVRLittleEndian,
        ),  # pynetdicom writes it as accepted
    ],
)
def test_a_picture_is_decompressed_only_for_a_peer_that_takes_no_jpeg(
    syntaxes: list[str], sent_as: str, picture: bytes
) -> None:
    stored = dcmread(io.BytesIO(picture))

    sent = read_for_peer(picture, accepted(*syntaxes))

    assert sent is not None
    assert sent.file_meta.TransferSyntaxUID == sent_as
    assert sent.SOPInstanceUID == stored.SOPInstanceUID
    assert sent.LossyImageCompressionRatio == stored.LossyImageCompressionRatio
    shown, kept = (np.asarray(dataset.pixel_array, int) for dataset in (sent, stored))  # pydicom gives RGB
    assert np.abs(shown - kept).mean() < 1
    assert kept.std() > 5  # else a black picture would do


def test_a_plain_picture_is_not_sent_to_a_peer_that_takes_jpeg_alone() -> None:
    settings = CourierSettings(sc_compression="none")
    plain = build_secondary_capture(
        make_screening(real_film()), draw_rendition(), None, settings, "9.9"
    ).part10
    assert read_for_peer(plain, accepted(JPEGBaseline8Bit)) is None
    assert read_for_peer(plain, accepted(ImplicitVRLittleEndian)) is not None


@pytest.mark.parametrize(
    "contexts", [accepted(), accepted(ExplicitVRLittleEndian, sop_class=Comprehensive3DSRStorage)]
)
def test_nothing_is_sent_to_a_peer_that_does_not_take_the_sop_class(
    contexts: list[PresentationContext], picture: bytes
) -> None:
    assert read_for_peer(picture, contexts) is None
