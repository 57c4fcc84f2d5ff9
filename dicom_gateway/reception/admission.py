"""Admission of association requests; others are rejected with an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pynetdicom.association import Association

from dicom_gateway.association.network_address import is_in
from dicom_gateway.settings import GatewaySettings


@dataclass(frozen=True)
class RejectionCode:
    """Result, source and reason of PS3.8 Table 9-21, and their meaning here."""

    result: int
    """1 is permanent, 2 transient."""
    source: int
    """1 is the service user, 2 the service provider (ACSE), 3 the service provider (presentation)."""
    reason: int
    meaning: str


class Rejection(Enum):
    """Reasons for rejecting an association."""

    UNKNOWN_CALLER = RejectionCode(1, 1, 3, "calling AE title not among the callers")
    WRONG_ADDRESS = RejectionCode(1, 1, 3, "calling AE title not from this address")
    WRONG_CALLED = RejectionCode(1, 1, 7, "called AE title is not ours")
    ALL_TAKEN = RejectionCode(2, 3, 2, "gateway.maximum_associations are open")
    ALL_TAKEN_BY_ADDRESS = RejectionCode(2, 3, 2, "gateway.maximum_associations_per_address are open")


class Admission:
    """Judges association requests by caller and by the number of open associations.

    Args:
        settings: callers, our own AE title, limits.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._titles = frozenset(settings.allowed_calling_ae_titles)

    def judge(self, association: Association) -> Rejection | None:
        """Judge an association request; return None to accept it."""
        request = association.requestor.primitive
        calling = str(getattr(request, "calling_ae_title", None) or "").strip()
        called = str(getattr(request, "called_ae_title", None) or "").strip()
        address = find_address(association)
        rejection = self.judge_caller(calling, address)
        if rejection is not None:
            return rejection
        if self._settings.require_called_ae_title and called != self._settings.ae_title:
            return Rejection.WRONG_CALLED
        return self._judge_limits(address)

    def judge_caller(self, calling: str, address: str) -> Rejection | None:
        """Judge a caller by its AE title and its address; return None for an allowed one."""
        callers = self._settings.callers
        if not callers and not self._titles:
            return None
        if calling in self._titles:
            return None
        matching = [caller for caller in callers if caller.ae_title in (None, calling)]
        if any(not caller.addresses or is_in(address, caller.addresses) for caller in matching):
            return None
        named = any(caller.ae_title == calling for caller in matching)
        return Rejection.WRONG_ADDRESS if named else Rejection.UNKNOWN_CALLER

    def _judge_limits(self, address: str) -> Rejection | None:
        requested = [
            association for association in list_acceptors() if association.requestor.primitive is not None
        ]
        if len(requested) > self._settings.maximum_associations:
            return Rejection.ALL_TAKEN
        same_address = [association for association in requested if find_address(association) == address]
        if len(same_address) > self._settings.maximum_associations_per_address:
            return Rejection.ALL_TAKEN_BY_ADDRESS
        return None

    def is_flooded(self, address: str, shaking_hands: Sequence[str]) -> bool:
        """True when there are too many connections, silent ones included, to accept another.

        The limit is four times that of associations, so that requests above the latter still get a rejection.

        Args:
            address: address of the new connection.
            shaking_hands: addresses of connections in their TLS handshake.
        """
        addresses = [find_address(association) for association in list_acceptors()]
        addresses += shaking_hands
        return (
            len(addresses) >= 4 * self._settings.maximum_associations
            or addresses.count(address) >= 4 * self._settings.maximum_associations_per_address
        )


def list_acceptors() -> list[Association]:
    """Return this process's associations as acceptor, and those not yet requested."""
    # Found among the threads, as in pynetdicom, so that no list must be kept up to date.
    return [
        association
        for association in threading.enumerate()
        if isinstance(association, Association) and association.is_acceptor
    ]


def find_address(association: Association) -> str:
    """Return the address of an association's requestor."""
    network = association.requestor.address_info
    return network.address if network is not None else ""
