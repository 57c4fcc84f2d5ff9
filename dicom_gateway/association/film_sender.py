"""The sender of a film: the other side of the connection on which it comes."""

from __future__ import annotations

from dataclasses import dataclass

from pynetdicom.association import Association

from dicom_gateway.association.association_identity import identify, name_sender


@dataclass(frozen=True)
class FilmSender:
    """The sender of a film, as its connection shows it."""

    ae_title: str
    """AE title by which rules, worklist and audit know it; empty if unknown."""
    address: str
    """Network address; empty if unknown."""
    connection: str
    """Random identifier of the connection in the log."""
    own_ae_title: str
    """AE title of our side."""
    is_caller: bool = True
    """False when the film was fetched on a connection that we opened."""


def describe_sender(association: Association) -> FilmSender:
    """Return the sender of films on an association that either side opened."""
    is_caller = bool(association.is_acceptor)
    sides = (association.requestor, association.acceptor)
    peer, own = sides if is_caller else sides[::-1]
    network = peer.address_info
    return FilmSender(
        name_sender(association),
        network.address if network is not None else "",
        identify(association),
        str(own.ae_title or "").strip(),
        is_caller,
    )
