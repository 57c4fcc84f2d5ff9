"""A deadline for each request: a client that sends a byte a minute does not hold a connection."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S: Final = 20.0
"""For a request with its body of at most 64 KiB."""


class DeadlineProtocol(H11Protocol):
    """uvicorn's connection with a deadline; uvicorn itself waits for a request without limit."""

    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the deadline of the first request."""
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        self._cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Start the deadline of the next request; uvicorn closes an idle connection earlier."""
        super().on_response_complete()
        self._begin()

    def _begin(self) -> None:
        self._cancel()
        self.deadline = self.loop.call_later(REQUEST_S, self._end)

    def _cancel(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()

    def is_overdue(self) -> bool:
        """True when the request has not come completely by its deadline."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def _end(self) -> None:
        if self.is_overdue():
            self.transport.close()
