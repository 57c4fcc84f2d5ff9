"""A connection to the DICOMweb port: its limits, and the names in its client certificate."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import h11

from dicom_gateway.association.certificate_names import list_names
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.settings import GatewaySettings
from http_server.request_deadline import DeadlineProtocol

CERTIFICATE_NAMES: Final = "tbscreen_certificate_names"
"""Key of the names in the `extensions` of an ASGI scope."""

PER_PLACE: Final = 4
"""Connections for each association that may be open, as on the DICOM port; silent ones are among them."""


class ConnectionLimits:
    """Counts the open connections by address.

    Args:
        settings: limits of associations, which hold for requests, too.
        refusals: logs refused connections.
    """

    def __init__(self, settings: GatewaySettings, refusals: RefusalLog) -> None:
        self._settings = settings
        self._refusals = refusals
        self._open: Counter[str] = Counter()

    @property
    def patience_s(self) -> float:
        """Longest time for the other side to take what is written to it."""
        return self._settings.network_timeout_s

    def take(self, address: str) -> bool:
        """Count a connection; return False when there are too many to accept it."""
        settings = self._settings
        self._open[address] += 1
        if (
            self._open.total() <= PER_PLACE * settings.maximum_associations
            and self._open[address] <= PER_PLACE * settings.maximum_associations_per_address
        ):
            return True
        self._refusals.note("connection refused", address=address, reason="too many connections")
        return False

    def leave(self, address: str) -> None:
        """Forget a connection."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


class HttpConnection(DeadlineProtocol):
    """A connection with a deadline for each request's header, and for each piece of an answer.

    The endpoint has one for the body.

    Args:
        limits: counts the connections.
        arguments: of uvicorn's protocol.
        named: of uvicorn's protocol.
    """

    def __init__(self, limits: ConnectionLimits, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Count the connection, and hand the names in its certificate to the application."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=1)  # whatever waits has its deadline
        self._address = self.client[0] if self.client else ""
        if not self._limits.take(self._address):
            transport.abort()
        names = list_names(transport.get_extra_info("peercert") or {})
        self.app = _with_names(self.app, names)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._limits.leave(self._address)
        self._forget_stall()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin the deadline of an answer that is not read."""
        super().pause_writing()
        self._forget_stall()
        self._stalled = self.loop.call_later(self._limits.patience_s, self.transport.abort)

    def resume_writing(self) -> None:
        """End the deadline: what was written has gone."""
        self._forget_stall()
        super().resume_writing()

    def _forget_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def is_overdue(self) -> bool:
        """True while a header is awaited, or the rest of a body whose request is answered."""
        their, our = self.conn.their_state, self.conn.our_state
        return their is h11.IDLE or (their is h11.SEND_BODY and our in (h11.DONE, h11.MUST_CLOSE))


def _with_names(application: Any, names: frozenset[str]) -> Callable[..., Any]:
    async def run(scope: Any, receive: Any, send: Any) -> None:
        extensions = {**scope.get("extensions", {}), CERTIFICATE_NAMES: names}
        await application({**scope, "extensions": extensions}, receive, send)

    return run


def read_certificate_names(scope: Any) -> frozenset[str]:
    """Return the names in the client certificate of a request, in lower case; empty without one."""
    names: frozenset[str] = scope.get("extensions", {}).get(CERTIFICATE_NAMES, frozenset())
    return names
