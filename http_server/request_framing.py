"""Refusal of requests whose body has two lengths."""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from http_server.problem import describe_problem

AMBIGUOUS = "A request has Content-Length or Transfer-Encoding, not both."


class RequestFraming:
    """ASGI middleware that answers 400 to a request with Content-Length and Transfer-Encoding.

    A proxy in front may take the other header for the end of the body, and the rest for a request of its own
    (request smuggling). RFC 9112 6.1 allows the refusal, and demands that the connection is closed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        app = self.app
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if "content-length" in headers and "transfer-encoding" in headers:
                app = describe_problem(HTTPStatus.BAD_REQUEST, AMBIGUOUS, {"Connection": "close"})
        await app(scope, receive, send)
