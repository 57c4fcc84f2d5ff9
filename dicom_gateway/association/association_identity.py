"""The identity of an association: its identifier in the log, and the AE title of its peer."""

from __future__ import annotations

import secrets

from pynetdicom.association import Association


def identify(association: Association) -> str:
    """Return the random identifier of an association in the log, constant for its lifetime."""
    name: str = vars(association).setdefault("tbscreen_id", secrets.token_hex(4))
    return name


def name_sender(association: Association) -> str:
    """Return the AE title of the peer, for associations opened by either side."""
    peer = association.requestor if association.is_acceptor else association.acceptor
    return str(peer.ae_title or "").strip()
