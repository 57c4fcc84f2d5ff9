"""C-ECHO (PS3.4 A): is a peer there, and does it know us?"""

from __future__ import annotations

from pynetdicom import AE

from dicom_gateway.presentation_contexts import VERIFICATION
from dicom_gateway.settings import PeerSettings


def echo(peer: PeerSettings, calling_ae_title: str, timeout_s: float = 5.0) -> str | None:
    """Verify a peer; returns None when it answers, else what went wrong."""
    ae = AE(ae_title=calling_ae_title)
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = timeout_s
    ae.add_requested_context(VERIFICATION)
    try:
        association = ae.associate(peer.host, peer.port, ae_title=peer.ae_title)
    except OSError:
        return f"the host name {peer.host} is not known"
    if association.is_rejected:
        return (
            f"it rejects the association: does it know AE title {calling_ae_title}, "
            f"and is its own {peer.ae_title}?"
        )
    if not association.is_established:
        return f"nothing answers at {peer.host}:{peer.port}"
    try:
        answer = association.send_c_echo()
        if "Status" not in answer or answer.Status != 0x0000:
            return "it takes the association and does not answer C-ECHO with success"
        return None
    finally:
        association.release()
