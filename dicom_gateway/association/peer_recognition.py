"""Recognition of the sender of an answer: only the peer that was asked is believed.

An answer to our request that arrives on a connection of its own is judged here, whatever its protocol:
storage commitment results today. A result on the connection that carried the request needs no check, because
that connection was opened to the peer.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from pynetdicom.association import Association

from dicom_gateway.association.association_identity import name_sender
from dicom_gateway.association.certificate_names import list_names
from dicom_gateway.association.network_address import is_in, parse_address
from dicom_gateway.settings import PeerSettings


@dataclass(frozen=True)
class Sender:
    """The sender of an answer, as its connection shows it."""

    address: str
    ae_title: str
    certificate_names: frozenset[str] = frozenset()
    """Names in its certificate, lower case; empty without TLS or without a verified certificate."""

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.address}"


class PeerRecognition:
    """Judges the senders of answers by the settings of the peers.

    Args:
        peers: all peers of the settings.
    """

    def __init__(self, peers: Sequence[PeerSettings]) -> None:
        self._peers = {peer.name: peer for peer in peers}

    def find_doubt(self, asked: str, sender: Sender) -> str | None:
        """Return the reason why an answer is not the asked peer's; None for a sender that is believed.

        Resolves the name of the peer's host, so that it may take seconds.

        Args:
            asked: name of the peer that was asked.
            sender: the sender of the answer.
        """
        peer = self._peers.get(asked)
        if peer is None:
            return (
                f"peer {asked} is not in the settings of this process: give it the [[peers]] of the courier"
            )
        answers = peer.answers
        if sender.ae_title not in (peer.ae_title, *answers.ae_titles):
            return f"AE title {sender.ae_title} is not that of peer {asked} (peers.answers.ae_titles)"
        if answers.certificate_names:
            if sender.certificate_names & {name.lower() for name in answers.certificate_names}:
                return None
            return f"no certificate with a name of peer {asked} (peers.answers.certificate_names)"
        if is_in(sender.address, answers.addresses) or _is_of_host(sender.address, peer.host):
            return None
        return f"address {sender.address} is not that of peer {asked} (peers.answers.addresses)"


def identify_sender(association: Association) -> Sender:
    """Return the other side of an association that it opened."""
    network = association.requestor.address_info
    address = network.address if network is not None else ""
    return Sender(address, name_sender(association), _read_certificate_names(association))


def _is_of_host(address: str, host: str) -> bool:
    parsed = parse_address(address)
    if parsed is None:
        return False
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(parse_address(str(entry[4][0])) == parsed for entry in found)


def _read_certificate_names(association: Association) -> frozenset[str]:
    connection = getattr(association.dul.socket, "socket", None)
    if not isinstance(connection, ssl.SSLSocket):
        return frozenset()
    return list_names(connection.getpeercert() or {})
