"""A server whose associations get their socket and upper layer from a subclass.

Faults of pynetdicom 3.0:

- It makes deep copies of all supported presentation contexts for each association, and only reads them
  (https://github.com/pydicom/pynetdicom/issues/16: slow negotiation).
- A server not started by its application entity cannot be shut down. Not reported upstream; call
  `AE().make_server(...).shutdown()`.
- It creates socket and upper layer itself, without a public hook for others. Not reported upstream.
"""

from __future__ import annotations

from typing import Any

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer


class SharedContexts(list[PresentationContext]):
    """The supported presentation contexts, shared by all associations of a server."""

    def __deepcopy__(self, _memo: dict[int, Any]) -> list[PresentationContext]:
        return list(self)


class AssociationServer(ThreadedAssociationServer):
    """A server with shared contexts, registered with its application entity.

    Args:
        ae: supported presentation contexts, and timeouts.
        address: host and port.
        ae_title: our AE title.
        handlers: pairs of a pynetdicom event and its handler.
        request_handler: starts the association of a connection.
    """

    def __init__(
        self,
        ae: AE,
        address: Any,
        ae_title: str,
        handlers: list[Any],
        request_handler: type[AssociationHandler],
    ) -> None:
        super().__init__(
            ae,
            address,
            ae_title,
            SharedContexts(ae.supported_contexts),
            evt_handlers=handlers,
            request_handler=request_handler,
        )
        ae._servers.append(self)


class AssociationHandler(RequestHandler):
    """Starts the association of a connection after setting its socket and upper layer."""

    def equip(self, association: Association) -> None:
        """Set the socket and the upper layer of an association; by default they stay as they are."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        self.equip(association)
        return association
