"""A request comes in time or not at all: who sends a byte a minute holds no connection for good."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S: Final = 20.0
"""For a request with its body, the largest of which is 64 KiB."""


class DeadlineProtocol(H11Protocol):
    """uvicorn's connection, which waits for a request without end."""

    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client is there: its first request has to come."""
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The next request has to come; uvicorn closes earlier when nothing at all does."""
        super().on_response_complete()
        self._begin()

    def _begin(self) -> None:
        self._cancel()
        self.deadline = self.loop.call_later(REQUEST_S, self._end)

    def _cancel(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()

    def _end(self) -> None:
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self.transport.close()
