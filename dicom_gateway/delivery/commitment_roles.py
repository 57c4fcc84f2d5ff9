"""The roles in which a caller proposes storage commitment (PS3.7 D.3.3.4, PS3.4 J.3.3).

A peer reports on our requests as their SCP. On an association that it opens itself it has to propose that
role, since the opener's default is SCU. Some archives do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pynetdicom import evt
from pynetdicom.association import Association

from dicom_gateway.association.peer_recognition import PeerRecognition, identify_sender
from dicom_gateway.association.presentation_contexts import STORAGE_COMMITMENT
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.settings import CommitmentRoleRule, PeerSettings


class CommitmentRoles:
    """Refuses storage commitment in another role than that of the SCP, at negotiation.

    Args:
        peers: all peers of the settings.
        recognition: recognizes the peers whose roles are not judged.
        refusals: logs what is refused.
    """

    def __init__(
        self, peers: Sequence[PeerSettings], recognition: PeerRecognition, refusals: RefusalLog
    ) -> None:
        self._lenient = [peer.name for peer in peers if peer.commitment_roles is CommitmentRoleRule.LENIENT]
        self._recognition = recognition
        self._refusals = refusals

    def negotiate(self, event: evt.Event) -> None:
        """Withdraw storage commitment from an association whose roles do not fit, before its negotiation."""
        association = event.assoc
        proposed = {context.abstract_syntax for context in association.requestor.requested_contexts}
        if STORAGE_COMMITMENT not in proposed or _proposes_scp(association):
            return
        calling = str(getattr(association.requestor.primitive, "calling_ae_title", None) or "").strip()
        sender = replace(identify_sender(association), ae_title=calling)  # not set before negotiation
        if any(self._recognition.find_doubt(name, sender) is None for name in self._lenient):
            return
        acceptor = association.acceptor
        acceptor.supported_contexts = [
            context
            for context in acceptor.supported_contexts
            if context.abstract_syntax != STORAGE_COMMITMENT
        ]
        self._refusals.note(
            "storage commitment refused",
            caller=sender.ae_title,
            address=sender.address,
            reason='it does not propose the role of the SCP (peers.commitment_roles = "lenient" takes it)',
        )


def _proposes_scp(association: Association) -> bool:
    role = association.requestor.role_selection.get(STORAGE_COMMITMENT)  # type: ignore[call-overload]
    return bool(role is not None and role.scp_role)
