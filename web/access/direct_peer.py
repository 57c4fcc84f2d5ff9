"""The other end of the connection, kept before X-Forwarded-For replaces the client's address."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

KEY: Final = "tbscreen.direct_peer"


class DirectPeer:
    """Keeps the address of a connection's other end; it stands outside of what believes proxies."""

    def __init__(self, application: ASGIApp) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with the address."""
        if scope["type"] == "http":
            scope[KEY] = scope.get("client")
        await self.application(scope, receive, send)


def find_direct_peer(request: Request) -> str:
    """Return the address from which the connection comes, or an empty text where it is unknown."""
    client = request.scope.get(KEY, request.scope.get("client"))
    return str(client[0]) if client else ""
