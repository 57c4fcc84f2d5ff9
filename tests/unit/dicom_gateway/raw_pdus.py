"""P-DATA-TF PDUs (PS3.8 9.3.5), put together by hand."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE

from dicom_gateway.association.film_stream import COMMAND, PDU_HEADER, PDV_HEADER
from tests.films import read

Fragment = tuple[int, bytes]
"""Message control header and value."""


def encode_command(film: Path) -> bytes:
    """Return the command set of a C-STORE request for this film."""
    request = C_STORE()
    header = read(film)
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    request.DataSet = BytesIO(b"xx")
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    fragments = [pdata.presentation_data_value_list[0][1] for pdata in message.encode_msg(1, 65536)]
    return b"".join(value[1:] for value in fragments if value[0] & COMMAND)


def encode_pdu(*fragments: Fragment) -> bytes:
    """Return one PDU of these fragments, all of presentation context 1."""
    values = b"".join(PDV_HEADER.pack(len(value) + 2, 1, control) + value for control, value in fragments)
    return PDU_HEADER.pack(0x04, 0, len(values)) + values
