"""Problem documents: the errors of an HTTP interface for programs (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.responses import JSONResponse, Response

MEDIA_TYPE: Final = "application/problem+json"


def describe_problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem document (RFC 9457) of type `about:blank`."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return JSONResponse(content, status, headers, media_type=MEDIA_TYPE)
