"""C-ECHO (PS3.4 A): checks that a peer answers and knows our AE title."""

from __future__ import annotations

from dataclasses import dataclass

from pynetdicom import build_context

from dicom_gateway.association.peer_association import (
    NoAssociationError,
    NothingAcceptedError,
    open_association,
)
from dicom_gateway.association.presentation_contexts import VERIFICATION
from dicom_gateway.association.statuses import SUCCESS
from dicom_gateway.settings import PeerSettings


@dataclass(frozen=True)
class Verification:
    """The answer of a peer to C-ECHO."""

    trouble: str | None
    """The reason why it does not answer with success; None where it does."""
    implementation: str = ""
    """Its implementation version name (PS3.7 D.3.3.2.3), up to 16 characters; empty where it has none."""


def echo(peer: PeerSettings, calling_ae_title: str, timeout_s: float = 5.0) -> str | None:
    """Verify a peer; return None when it answers with success, else the reason."""
    return verify(peer, calling_ae_title, timeout_s).trouble


def verify(peer: PeerSettings, calling_ae_title: str, timeout_s: float = 5.0) -> Verification:
    """Send a C-ECHO to a peer, and return what it answers and what it is."""
    try:
        association = open_association(peer, calling_ae_title, [build_context(VERIFICATION)], timeout_s)
    except (NoAssociationError, NothingAcceptedError) as error:
        return Verification(str(error))
    try:
        answer = association.send_c_echo()
        if "Status" not in answer or answer.Status != SUCCESS:
            return Verification("it accepts the association but does not answer C-ECHO with success")
        return Verification(None, association.acceptor.implementation_version_name or "")
    finally:
        association.release()
