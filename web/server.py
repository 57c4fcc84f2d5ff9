"""The HTTP server of the page: uvicorn on its own port, with TLS where a certificate is set."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from domain.errors import PermanentError
from http_server.request_deadline import DeadlineProtocol
from web.access.direct_peer import DirectPeer
from web.settings import WebSettings

LOG = structlog.get_logger(__name__)


def serve(application: Starlette, settings: WebSettings, ready: Callable[[int], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        application: the page and REST.
        settings: address, certificate, proxies.
        ready: called with the port once it is open.

    Raises:
        PermanentError: when the port or the certificate cannot be used; the text says what to do.
    """
    context = None if settings.tls_certificate is None else make_renewed_context(settings)
    listener = _listen(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            believe_proxies(application, settings),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=15,
            limit_concurrency=1000,
            h11_max_incomplete_event_size=32 * 1024,
            http=DeadlineProtocol,
            proxy_headers=False,  # see believe_proxies
            ssl_context_factory=None if context is None else lambda _config, _default: context,
        )
    )
    ready(int(listener.getsockname()[1]))
    server.run(sockets=[listener])


def believe_proxies(application: ASGIApp, settings: WebSettings) -> ASGIApp:
    """Return the application with X-Forwarded-For believed from the configured proxies alone.

    The address of the connection itself is kept before, for the login by a proxy.
    """
    if settings.trusted_proxies:
        application = ProxyHeadersMiddleware(application, list(settings.trusted_proxies))  # type: ignore[arg-type,assignment]
    return DirectPeer(application)


def make_renewed_context(settings: WebSettings) -> ssl.SSLContext:
    """Return a TLS context that loads a renewed certificate without a restart.

    The files are checked at each client hello. A new pair that does not fit leaves the old one in use.

    Raises:
        PermanentError: when certificate and key cannot be read or do not fit.
    """
    assert settings.tls_certificate is not None
    assert settings.tls_key is not None
    files = (settings.tls_certificate, settings.tls_key)
    first = make_context(settings)
    state: dict[str, Any] = {"context": first, "seen": _look(files)}

    def take(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        seen = _look(files)
        if seen != state["seen"]:
            state["seen"] = seen
            try:
                state["context"] = make_context(settings)
                LOG.info("the certificate of the page was renewed")
            except PermanentError as error:
                LOG.error("the renewed certificate of the page cannot be used", error=str(error))
        connection.context = state["context"]

    first.sni_callback = take
    return first


def _look(files: tuple[Path, ...]) -> tuple[tuple[int, int], ...] | None:
    try:
        return tuple((found.st_mtime_ns, found.st_ino) for found in (file.stat() for file in files))
    except OSError:  # one file of the pair is not yet renewed
        return None


def make_context(settings: WebSettings) -> ssl.SSLContext:
    """Return a TLS context for TLS 1.2 or later.

    Raises:
        PermanentError: when certificate and key cannot be read or do not fit.
    """
    assert settings.tls_certificate is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or getattr(error, "reason", None) or type(error).__name__
        raise PermanentError(
            f"the page's certificate cannot be used ({reason}): look at web.tls_certificate and web.tls_key"
        ) from None
    return context


def _listen(settings: WebSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        where = f"{settings.host}:{settings.port}"
        raise PermanentError(f"cannot listen on {where} ({error.strerror}): set web.port") from None
    listener.listen()
    return listener
