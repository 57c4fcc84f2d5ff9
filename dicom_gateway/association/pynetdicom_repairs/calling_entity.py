"""A calling application entity that sets the socket and the upper layer of its associations.

Fault of pynetdicom 3.0, not reported upstream: `AE.associate` creates both itself, without a public hook for
others.
"""

from __future__ import annotations

import ssl

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.transport import AddressInformation, AssociationSocket


class CallingEntity(AE):
    """An application entity that sets the socket of each association before it connects."""

    def equip(self, association: Association, address: AddressInformation) -> AssociationSocket:
        """Return the socket of an association; a subclass may also set its upper layer."""
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
