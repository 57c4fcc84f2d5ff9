"""Authentication of programs: from a bearer token (RFC 6750) to a user and the scopes of the token."""

from __future__ import annotations

import math
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from db.accounts import api_tokens
from db.accounts.api_tokens import TokenEntry
from db.database import Database
from domain.roles import Permission
from domain.secret_words import TOKEN_PREFIX, hash_secret
from web.access.audit import AuditTrail, find_address
from web.access.authentication import SAFE_METHODS, Endpoint, read_body
from web.access.rate_limit import RateLimit
from web.settings import WebSettings

LARGEST_BODY = 16 * 1024

Answer = Callable[[Request, TokenEntry, bytes], Response]
"""Returns the answer to a request, given its token and its body."""


class BearerGate:
    """Admits requests with a token of the needed scope, within its rate limit."""

    def __init__(self, database: Database, settings: WebSettings, audit: AuditTrail) -> None:
        self.database = database
        self.audit = audit
        self.limit = RateLimit(settings.requests_per_minute)

    def guard(self, answer: Answer, permission: Permission, largest_body: int = LARGEST_BODY) -> Endpoint:
        """Return an endpoint that calls `answer`, in a thread, with the token and the body."""

        async def endpoint(request: Request) -> Response:
            token = await run_in_threadpool(self._identify, request)
            self._count(f"token {token.id}")
            if not token.may(permission):
                headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{permission}"'}
                raise HTTPException(403, f"This token does not allow: {permission}.", headers)
            body = b"" if request.method in SAFE_METHODS else await read_body(request, largest_body)
            return await run_in_threadpool(answer, request, token, body)

        return endpoint

    def _identify(self, request: Request) -> TokenEntry:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        secret = secret.strip()
        if scheme.lower() == "bearer" and secret.startswith(TOKEN_PREFIX) and len(secret) < 100:
            with self.database.read() as session:
                token = api_tokens.find(session, hash_secret(secret))
            if token is not None:
                if token.is_stale:
                    with self.database.write() as session:
                        api_tokens.touch(session, token.id)
                return token
        address = find_address(request)
        if scheme:
            self.audit.record_wrong_token(address)
        self._count(f"address {address}")
        raise HTTPException(
            401,
            "Send a token: Authorization: Bearer tbs_…; 'tbscreen users token' makes one.",
            {"WWW-Authenticate": 'Bearer realm="tbscreen"'},
        )

    def _count(self, client: str) -> None:
        wait = self.limit.take(client)
        if wait is not None:
            detail = f"More than {self.limit.capacity:.0f} requests a minute."
            raise HTTPException(429, detail, {"Retry-After": str(max(1, math.ceil(wait)))})
