"""The endpoint of the Store transaction (PS3.18 10.5): checks a request and reads its body block by block."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from email.message import Message
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from dicom_gateway.dicomweb.multipart_body import MalformedBodyError, MultipartBody
from dicom_gateway.dicomweb.request_gate import RETRY, RequestGate
from dicom_gateway.dicomweb.store_answer import answer, choose_media_type
from dicom_gateway.dicomweb.store_transaction import (
    MEDIA_TYPE,
    StoreTransaction,
    TooManyInstancesError,
    read_media_type,
)
from dicom_gateway.reception.film_reception import FilmReception
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from domain.errors import PermanentError
from domain.roles import Permission

BLOCK_BYTES: Final = 256 * 1024
"""Bytes of a body that are handed on at a time; a request holds three times as many at most."""

PIECE_BYTES: Final = 64 * 1024
"""Bytes that have to come within `gateway.network_timeout_s`."""

UID: Final = re.compile(r"[0-9.]{1,64}")

log = structlog.get_logger(__name__)


class RequestTooLargeError(PermanentError):
    """The body is larger than the settings allow. Permanent until they change."""


class StoreEndpoint:
    """Answers Store requests.

    Args:
        settings: limits of requests and datasets.
        reception: receives films, also those of C-STORE.
        spool: holds the received datasets.
        gate: limits, senders and threads of requests.
    """

    def __init__(
        self, settings: GatewaySettings, reception: FilmReception, spool: Spool, gate: RequestGate
    ) -> None:
        assert settings.dicomweb is not None
        self._settings = settings
        self._limits = settings.dicomweb
        self._reception = reception
        self._spool = spool
        self._gate = gate

    async def store(self, request: Request) -> Response:
        """Answer one request; with success only what is durable and committed.

        Raises:
            HTTPException: when nothing of the request is taken.
        """
        study = request.path_params.get("study", "")
        if study and not UID.fullmatch(study):
            raise HTTPException(400, "The target names no Study Instance UID.")
        boundary = _read_boundary(request)
        media_type = choose_media_type(request.headers.get("accept", ""))
        if media_type is None:
            raise HTTPException(406, "The answer is application/dicom+json or +xml.")
        if int(request.headers.get("content-length", "0")) > self._limits.maximum_request_bytes:
            raise HTTPException(413, f"At most {self._limits.maximum_request_bytes} bytes are taken.")
        sender = await self._gate.identify(request, Permission.STORE)
        if self._spool.free_bytes() < self._settings.reserved_disk_bytes:
            log.error("disk nearly full: request not taken", sender=sender.ae_title)
            raise HTTPException(503, "The disk is nearly full.", RETRY)
        transaction = StoreTransaction(
            self._reception, self._spool.incoming, sender, study, self._limits.maximum_instances
        )
        try:
            body = MultipartBody(boundary, transaction)
            is_malformed = await self._receive(request, body, transaction)
        except MalformedBodyError as error:
            raise HTTPException(400, str(error)) from None
        finally:
            await self._gate.work(transaction.abandon)
        return answer(transaction.outcome, media_type, is_malformed)

    async def _receive(self, request: Request, body: MultipartBody, transaction: StoreTransaction) -> bool:
        """Read the body to its end or its limit; return True when the rest could not be read as multipart."""
        try:
            await self._feed(request, body)
            await self._gate.work(body.finish)
        except (RequestTooLargeError, TooManyInstancesError) as error:
            log.error("request larger than allowed", reason=str(error))
            transaction.note_too_large()
        except MalformedBodyError as error:
            log.warning("request not understood", reason=str(error))
            return True
        except TimeoutError:
            raise HTTPException(408, "The body does not come fast enough.") from None
        except ClientDisconnect:
            raise HTTPException(400, "The request ended before its body was complete.") from None
        return False

    async def _feed(self, request: Request, body: MultipartBody) -> None:
        """Hand the body on by blocks, in threads; the next block is read meanwhile."""
        working: asyncio.Future[None] | None = None
        try:
            async for block in self._read_blocks(request):
                if working is not None:
                    await working
                working = self._gate.work(body.feed, block)
            if working is not None:
                await working
        finally:
            if working is not None and not working.cancelled():
                await asyncio.wait([working])
                working.exception()  # it was raised above, or something else was

    async def _read_blocks(self, request: Request) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        seconds = self._settings.network_timeout_s
        last = loop.time() + self._settings.maximum_association_s
        limit, total, piece, block = loop.time() + seconds, 0, 0, bytearray()
        stream = request.stream()
        while True:
            async with asyncio.timeout_at(min(limit, last)):
                chunk = await anext(stream)
            if not chunk:  # the end
                break
            block += chunk
            piece += len(chunk)
            total += len(chunk)
            if total > self._limits.maximum_request_bytes:
                raise RequestTooLargeError(f"more than {self._limits.maximum_request_bytes} bytes")
            if len(block) >= BLOCK_BYTES:
                yield bytes(block)
                block.clear()
                piece = PIECE_BYTES
            if piece >= PIECE_BYTES:
                limit, piece = loop.time() + seconds, 0
        if block:
            yield bytes(block)


def _read_boundary(request: Request) -> str:
    """Return the boundary of the body.

    Raises:
        HTTPException: 415 for another media type than PS3.10 instances in multipart/related; 400 without a
            boundary.
    """
    content_type = request.headers.get("content-type", "")
    header = Message()
    header["Content-Type"] = content_type
    root = header.get_param("type", "", unquote=True)
    boundary = header.get_param("boundary", "", unquote=True)
    is_related = read_media_type(content_type) == "multipart/related"
    if not is_related or str(root).lower() != MEDIA_TYPE or "content-encoding" in request.headers:
        raise HTTPException(415, f'Send multipart/related; type="{MEDIA_TYPE}", not encoded further.')
    if not isinstance(boundary, str) or not boundary:
        raise HTTPException(400, "The Content-Type has no boundary.")
    return boundary
