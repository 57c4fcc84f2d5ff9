"""The source of a pull: a peer that is queried and from which studies are retrieved, by DIMSE or by web."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pydicom.dataset import Dataset

from dicom_gateway.reception.film_reception import FilmReception
from dicom_gateway.retrieval.pull_association import Calling, PullAssociation, Retrieved
from dicom_gateway.retrieval.pull_web import PullWeb
from dicom_gateway.settings import PeerProtocol, PeerSettings


class PullSource(Protocol):
    """An open connection to a peer. Its errors are those of `PullAssociation`."""

    method: str
    """`get`, `move` or `web`."""

    @property
    def is_open(self) -> bool:
        """False when the connection has ended."""

    def find(self, identifier: Dataset) -> Iterator[Dataset]:
        """Yield the matches of a query."""

    def retrieve(self, identifier: Dataset) -> Retrieved:
        """Retrieve a series or instances of it; return when the peer is done."""

    def release(self) -> None:
        """End the connection."""

    def cancel(self) -> None:
        """Cancel the retrieval in progress, from any thread."""

    def abort(self) -> None:
        """End the connection at once, from any thread."""


def open_source(peer: PeerSettings, calling: Calling, reception: FilmReception | None) -> PullSource:
    """Return an open connection to a peer by its protocol.

    Args:
        peer: the peer.
        calling: the calling side.
        reception: receives the films; None for a connection that only queries.

    Raises:
        PeerAwayError, PeerRefusesError: see `PullAssociation`.
    """
    if peer.protocol is PeerProtocol.DICOMWEB:
        return PullWeb(peer, calling, reception)
    return PullAssociation(peer, calling, reception)
