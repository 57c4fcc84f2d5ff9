"""An application entity that calls, and chooses the socket and the upper layer of its associations.

Fault of pynetdicom 3.0, not reported upstream: `AE.associate` makes both itself, and has no public place for
others.
"""

from __future__ import annotations

import ssl

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.transport import AddressInformation, AssociationSocket


class CallingEntity(AE):
    """An application entity whose associations are equipped before they connect."""

    def equip(self, association: Association, address: AddressInformation) -> AssociationSocket:
        """Return the socket of an association; set its upper layer, if it is to be another."""
        return AssociationSocket(association, address=address)

    def _create_socket(
        self,
        assoc: Association,
        address: AddressInformation,
        tls_args: tuple[ssl.SSLContext, str] | None,
    ) -> AssociationSocket:
        sock = self.equip(assoc, address)
        sock.tls_args = tls_args
        return sock
