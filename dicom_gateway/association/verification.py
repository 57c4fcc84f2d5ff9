"""C-ECHO (PS3.4 A): checks that a peer answers and knows our AE title."""

from __future__ import annotations

from pynetdicom import build_context

from dicom_gateway.association.peer_association import (
    NoAssociationError,
    NothingAcceptedError,
    open_association,
)
from dicom_gateway.association.presentation_contexts import VERIFICATION
from dicom_gateway.association.statuses import SUCCESS
from dicom_gateway.settings import PeerSettings


def echo(peer: PeerSettings, calling_ae_title: str, timeout_s: float = 5.0) -> str | None:
    """Verify a peer; return None when it answers with success, else the reason."""
    try:
        association = open_association(peer, calling_ae_title, [build_context(VERIFICATION)], timeout_s)
    except (NoAssociationError, NothingAcceptedError) as error:
        return str(error)
    try:
        answer = association.send_c_echo()
        if "Status" not in answer or answer.Status != SUCCESS:
            return "it accepts the association but does not answer C-ECHO with success"
        return None
    finally:
        association.release()
