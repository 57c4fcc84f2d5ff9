"""JSON bodies of requests, checked against their model."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from domain.errors import write_reason

Body = TypeVar("Body", bound=BaseModel)


def read_json(model: type[Body], request: Request, body: bytes) -> Body:
    """Return the body.

    Raises:
        HTTPException: 415 for another content type, 422 for another content; the text quotes no value.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "Send it as application/json.")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in wrong["loc"]) or "body"
        raise HTTPException(422, f"{where}: {write_reason(wrong['msg'])}") from None
