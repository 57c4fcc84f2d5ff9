"""The messages on a film: unsolicited observation messages, ORU^R01^ORU_R01 of HL7 2.5.1 (7.3.1).

docs/hl7/ holds their profile. Nobody has verified a result, so that its status is R (results stored, not yet
verified), never F (final).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import hl7
from pydicom.dataset import Dataset

from db.hl7.standing_films import StandingFilm
from dicom_gateway.hl7 import observations
from dicom_gateway.hl7.message_settings import MessageSettings, ReceiverSettings
from dicom_gateway.hl7.observations import Observation, make_observation_segments
from dicom_gateway.hl7.order_segments import Order, make_order_segments, read_observation_time
from dicom_gateway.hl7.patient_segment import make_patient_segment
from dicom_gateway.hl7.segments import (
    CHARACTER_SET,
    format_time,
    make_header,
    make_message,
    read_message,
    set_field,
)
from dicom_gateway.results.report_encoding import localize
from dicom_gateway.results.source_header import read_source
from dicom_gateway.settings import CourierSettings
from domain.codes import MessageKind

PROFILE: Final = "TBSCREEN-ORU-1"
"""Message Profile Identifier (MSH-21): the profile in docs/hl7/."""

ORDER_STATUSES: Final = {
    MessageKind.RESULT: "R",
    MessageKind.CORRECTION: "C",
    MessageKind.WITHDRAWAL: "X",
    MessageKind.REFUSAL: "X",
}
"""OBR-25 (table 0123): R results stored, not yet verified; C correction; X no results available."""

OBSERVATION_STATUSES: Final = {
    MessageKind.RESULT: "R",
    MessageKind.CORRECTION: "C",
    MessageKind.WITHDRAWAL: "W",
    MessageKind.REFUSAL: "R",
}
"""OBX-11 (table 0085): R entered, not verified; C correction; W original posted as wrong."""

UNOBTAINABLE: Final = "X"
"""OBX-11 of the finding of a refused film: results cannot be obtained."""

CORRECTS: Final = "Corrects the result that was sent before under the same filler order number."


@dataclass(frozen=True)
class Envelope:
    """The addresses and numbers of one message."""

    receiver: ReceiverSettings
    kind: MessageKind
    control_id: str
    filler_number: str
    made_at: datetime


def derive_number(*parts: str) -> str:
    """Return a number of 20 letters and digits that depends on `parts` alone: 100 bits of their SHA-256."""
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest).decode("ascii")[:20]


def compose_result(
    film: StandingFilm, envelope: Envelope, settings: MessageSettings, courier: CourierSettings
) -> bytes:
    """Return a result, or a correction of an earlier one.

    Args:
        film: a film with a screening.
        envelope: addresses and numbers.
        settings: sending application and page.
        courier: the site's codes.

    Raises:
        UnknownPatientError: when the film names no patient ID.
    """
    assert film.screening is not None
    remark = CORRECTS if envelope.kind is MessageKind.CORRECTION else ""
    listed = observations.list_of_result(film, courier.finding_code, settings.page_url, remark)
    return _compose(film, envelope, settings, courier, listed, film.screening.finished_at)


def compose_refusal(
    film: StandingFilm, envelope: Envelope, settings: MessageSettings, courier: CourierSettings
) -> bytes:
    """Return the message that a film was not analysed; arguments and errors as `compose_result`."""
    assert film.refusal is not None
    listed = observations.list_of_refusal(film, courier.finding_code, settings.page_url, UNOBTAINABLE)
    return _compose(film, envelope, settings, courier, listed, film.refusal.refused_at)


def compose_withdrawal(earlier: bytes, envelope: Envelope, reasons: Sequence[str]) -> bytes:
    """Return the withdrawal of a result: the message that was sent, each observation marked as wrong.

    Patient, order and values are those that the receiver knows, whatever is known of them now.

    Args:
        earlier: the result or correction.
        envelope: addresses and numbers; its filler number is that of the result.
        reasons: sentences for people.
    """
    message = read_message(earlier)
    changed = format_time(envelope.made_at.astimezone())
    status = OBSERVATION_STATUSES[envelope.kind]
    count = 0
    for segment in message:
        name = str(segment[0])
        if name == "MSH":
            set_field(segment, 7, changed)
            set_field(segment, 10, envelope.control_id)
        elif name == "OBR":
            set_field(segment, 22, changed)
            set_field(segment, 25, ORDER_STATUSES[envelope.kind])
        elif name == "OBX":
            set_field(segment, 11, status)
            count += 1
    comment = observations.make_comment(reasons)
    (last,) = make_observation_segments([comment], status, "", changed, "")
    set_field(last, 1, str(count + 1))
    set_field(last, 4, "2")  # the comment of the result has no Sub-ID
    return make_message([*message, last])


def _compose(
    film: StandingFilm,
    envelope: Envelope,
    settings: MessageSettings,
    courier: CourierSettings,
    listed: Sequence[Observation],
    result_at: datetime,
) -> bytes:
    reported = film.screening or film.refusal
    assert reported is not None
    source = read_source(reported.header)
    moment = localize(result_at, source)
    order = Order(
        filler_number=envelope.filler_number,
        application=settings.application,
        accession_number=film.accession_number,
        status=ORDER_STATUSES[envelope.kind],
        changed_at=moment,
        procedure_code=courier.procedure_code,
    )
    return make_message(
        [
            _make_message_header(envelope, settings),
            make_patient_segment(film.patient, source),
            *make_order_segments(order, source),
            *_make_observations(listed, envelope, source, format_time(moment), courier),
        ]
    )


def _make_observations(
    listed: Sequence[Observation], envelope: Envelope, source: Dataset, moment: str, courier: CourierSettings
) -> list[hl7.Segment]:
    status = OBSERVATION_STATUSES[envelope.kind]
    observed_at = read_observation_time(source)
    return make_observation_segments(listed, status, observed_at, moment, courier.ae_title)


def _make_message_header(envelope: Envelope, settings: MessageSettings) -> hl7.Segment:
    receiver = envelope.receiver
    return make_header(
        {
            3: settings.application,
            4: settings.facility,
            5: receiver.application,
            6: receiver.facility,
            7: format_time(envelope.made_at.astimezone()),
            9: ("ORU", "R01", "ORU_R01"),
            10: envelope.control_id,
            11: settings.processing_id,
            12: "2.5.1",
            18: CHARACTER_SET,
            21: (PROFILE, settings.application),
        }
    )
