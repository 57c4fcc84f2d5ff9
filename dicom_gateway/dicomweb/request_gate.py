"""The gate of the DICOMweb port: limits, senders and threads of all requests."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dicom_gateway import metrics
from dicom_gateway.association.film_sender import FilmSender
from dicom_gateway.dicomweb.http_connection import read_certificate_names
from dicom_gateway.dicomweb.http_senders import HttpSenders, SenderRefusedError
from dicom_gateway.dicomweb.store_answer import RETRY_AFTER_S
from dicom_gateway.settings import GatewaySettings
from domain.roles import Permission
from http_server.problem import describe_problem

RETRY: Final = {"Retry-After": str(RETRY_AFTER_S)}

T = TypeVar("T")

log = structlog.get_logger(__name__)


class RequestGate:
    """Lets requests in.

    Args:
        settings: limits.
        senders: identifies the senders.
    """

    def __init__(self, settings: GatewaySettings, senders: HttpSenders) -> None:
        self._settings = settings
        self._senders = senders
        self._open: Counter[str] = Counter()
        """Number of requests in work by address."""
        self._threads = ThreadPoolExecutor(
            min(settings.maximum_associations, 32), thread_name_prefix="dicomweb"
        )

    def guard(self, transaction: str, answer: Callable[[Request], Awaitable[Response]]) -> _Guarded:
        """Return the application of an endpoint: it takes a place until the answer is sent.

        Args:
            transaction: name of the transaction in the metrics.
            answer: makes the answer; what it raises becomes a problem document.
        """

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            with self._take_place(request) as place:
                response = (
                    await _answer(request, answer)
                    if place
                    else describe_problem(503, "Too many requests at the same time.", RETRY)
                )
                metrics.DICOMWEB_REQUESTS.labels(transaction, str(response.status_code)).inc()
                async with asyncio.timeout(self._settings.maximum_association_s):
                    await response(scope, receive, send)

        return _Guarded(serve)

    async def identify(self, request: Request, permission: Permission) -> FilmSender:
        """Return the sender of a request.

        Raises:
            HTTPException: 401 or 403 for one that is not known or lacks the permission; 503 without database.
        """
        try:
            return await self.work(
                self._senders.identify,
                request.headers.get("authorization", ""),
                read_certificate_names(request.scope),
                find_address(request),
                permission,
            )
        except SenderRefusedError as error:
            headers = {"WWW-Authenticate": 'Bearer realm="tbscreen"'} if error.status == 401 else None
            raise HTTPException(error.status, f"{error}.", headers) from None
        except SQLAlchemyError as error:
            log.error("database unavailable: request not taken", error=type(error).__name__)
            raise HTTPException(503, "The database is away.", RETRY) from None

    def work(self, function: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        """Run a function in a thread."""
        return asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    @contextmanager
    def _take_place(self, request: Request) -> Iterator[bool]:
        """Count a request in work; provides False when as many are as there may be associations."""
        address, settings = find_address(request), self._settings
        if (
            self._open.total() >= settings.maximum_associations
            or self._open[address] >= settings.maximum_associations_per_address
        ):
            yield False
            return
        self._open[address] += 1
        try:
            yield True
        finally:
            self._open[address] -= 1
            self._open += Counter()  # drops those at 0


class _Guarded:
    """An ASGI application; Starlette takes a function for an endpoint that returns a response."""

    def __init__(self, serve: ASGIApp) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serve(scope, receive, send)


async def _answer(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        return await answer(request)
    except HTTPException as error:
        return describe_problem(error.status_code, error.detail, error.headers)
    except SQLAlchemyError as error:
        log.error("database unavailable: request not answered", error=type(error).__name__)
        return describe_problem(503, "The database is away.", RETRY)
    except Exception as error:  # noqa: BLE001  its text may quote patient data
        log.error("request failed", error=type(error).__name__)
        return describe_problem(500, "The request could not be processed.")


def find_address(request: Request) -> str:
    """Return the address of the connection; empty if unknown."""
    return "" if request.client is None else request.client.host
