"""The answer to a message (HL7 2.5.1, 2.9.2 and 2.15.5), in the original acknowledgement mode."""

from __future__ import annotations

import secrets
from typing import Final

from db.clock import now
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.hl7.segments import (
    CHARACTER_SET,
    FieldValue,
    format_time,
    make_header,
    make_message,
    make_segment,
)
from dicom_gateway.laboratory.message_fault import MEANINGS, MessageFaultError
from dicom_gateway.laboratory.oru_message import MessageHeader

ACCEPTED: Final = "AA"
WITH_NEW_ERR: Final = ("2.5", "2.5.1")
"""Versions whose ERR names a place in ERR-2 and the text in ERR-8."""


def write_answer(header: MessageHeader, settings: MessageSettings, fault: MessageFaultError | None) -> bytes:
    """Return the acknowledgement of a message, without framing.

    Args:
        header: of the message.
        settings: our names.
        fault: why it is not taken; None for a message whose results are committed.
    """
    code = ACCEPTED if fault is None else fault.code
    segments = [
        make_header(
            {
                3: settings.application,
                4: settings.facility,
                5: header.application,
                6: header.facility,
                7: format_time(now()),
                9: ("ACK", "R01", "ACK"),
                10: secrets.token_hex(10),
                11: settings.processing_id,
                12: header.version or "2.5.1",
                18: CHARACTER_SET,
            }
        ),
        make_segment("MSA", {1: code, 2: header.control_id, 3: None if fault is None else str(fault)}),
    ]
    if fault is not None:
        segments.append(make_segment("ERR", _describe(fault, is_new=header.version in WITH_NEW_ERR)))
    return make_message(segments)


def _describe(fault: MessageFaultError, *, is_new: bool) -> dict[int, FieldValue]:
    place = (fault.segment, str(fault.sequence) if fault.segment else "", str(fault.field or ""))
    meaning = MEANINGS[fault.error]
    if not is_new:
        return {1: (*place, (fault.error, meaning, "HL70357"))}
    return {2: place, 3: (fault.error, meaning, "HL70357"), 4: "E", 8: str(fault)}
