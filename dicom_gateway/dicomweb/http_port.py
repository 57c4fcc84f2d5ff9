"""The HTTP server of the DICOMweb port: uvicorn in a thread, with the gateway's TLS."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import threading
import time
from typing import Any, Final

import structlog
import uvicorn
from starlette.applications import Starlette

from dicom_gateway.association.tls_context import RenewedContext
from dicom_gateway.dicomweb.http_connection import PER_PLACE, ConnectionLimits, HttpConnection
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.settings import GatewaySettings

TICK_S: Final = 0.5
DRAIN_S: Final = 3
"""Longest time that open requests may continue when the gateway ends."""

log = structlog.get_logger(__name__)


class HttpPort:
    """Serves DICOMweb at an open port.

    Args:
        settings: limits.
        application: answers requests.
        port: a listening socket, which other processes may share.
        tls: TLS context; None without TLS.
        refusals: logs refused connections and senders.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        application: Starlette,
        port: socket.socket,
        tls: RenewedContext | None,
        refusals: RefusalLog,
    ) -> None:
        self.port = int(port.getsockname()[1])
        self.is_tls = tls is not None
        self._socket = port.dup()
        self._refusals = refusals
        self._last_round = time.monotonic()
        self._handshake_s = None if tls is None else tls.handshake_timeout_s
        context = None if tls is None else _make_context(tls)
        limits = ConnectionLimits(settings, refusals)
        connection: Any = functools.partial(HttpConnection, limits)
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                log_config=None,
                log_level="critical",  # what is no HTTP is answered; the endpoint logs its own failures
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=DRAIN_S,
                timeout_keep_alive=15,
                limit_concurrency=PER_PLACE * settings.maximum_associations,
                h11_max_incomplete_event_size=32 * 1024,
                http=connection,
                ssl_context_factory=None if context is None else lambda _config, _default: context,
            )
        )
        self._thread = threading.Thread(target=self._run, name=f"dicomweb-{self.port}", daemon=True)

    def start(self) -> None:
        """Serve in a new thread."""
        self._thread.start()

    def stop(self) -> None:
        """Give open requests `DRAIN_S` to end, and close the others."""
        self._server.should_exit = True
        self._thread.join(2 * DRAIN_S)

    def is_deaf(self, seconds: float) -> bool:
        """Return True when the port has looked for no connection for so long."""
        return time.monotonic() - self._last_round > seconds

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: _Loop(self._handshake_s)) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        tick = asyncio.create_task(self._tick())
        await self._server.serve(sockets=[self._socket])
        tick.cancel()

    async def _tick(self) -> None:
        while True:
            self._last_round = time.monotonic()
            self._refusals.flush()
            await asyncio.sleep(TICK_S)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose servers have a limit for the TLS handshake, which uvicorn does not set."""

    def __init__(self, handshake_s: float | None) -> None:
        super().__init__()
        self._handshake_s = handshake_s

    async def create_server(self, *arguments: Any, **named: Any) -> Any:
        if named.get("ssl") is not None:
            named["ssl_handshake_timeout"] = self._handshake_s
        return await super().create_server(*arguments, **named)


def _make_context(tls: RenewedContext) -> ssl.SSLContext:
    """Return a context that takes the current certificates at each client hello."""
    first = tls.current()

    def take(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = tls.current()

    first.sni_callback = take
    return first
