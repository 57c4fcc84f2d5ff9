"""The answer of a peer to a Store request (PS3.18 10.5.3), judged by failure reasons before its status."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from dicom_gateway.association import statuses
from dicom_gateway.delivery.delivery_attempt import classify
from sending.send_result import SendResult

REFERENCED_SOP_SEQUENCE: Final = "00081199"
FAILED_SOP_SEQUENCE: Final = "00081198"
OTHER_FAILURES_SEQUENCE: Final = "0008119A"
REFERENCED_SOP_INSTANCE_UID: Final = "00081155"
FAILURE_REASON: Final = "00081197"


@dataclass(frozen=True)
class Verdict:
    """The result of one request."""

    result: SendResult
    reason: str = ""
    in_trouble: bool = False
    """True when the next object would fail as well."""
    wants_other_syntax: bool = False
    """True when the transfer syntax is the cause."""


WEB_PAGES: Final = (b"<!doctype html", b"<html")
"""Beginnings of a web page, such as a login or a viewer, in lower case."""

LOOK_AT_URL: Final = "there is no Store transaction at this address: look at peers.url"
LOOK_AT_TOKEN: Final = "not authorised: look at peers.token_file or the certificate in peers.tls"  # noqa: S105

BY_STATUS: Final = {
    400: Verdict(SendResult.PERMANENT, "the peer cannot read the request"),
    401: Verdict(SendResult.TRANSIENT, LOOK_AT_TOKEN, True),
    403: Verdict(SendResult.TRANSIENT, LOOK_AT_TOKEN, True),
    404: Verdict(SendResult.TRANSIENT, LOOK_AT_URL, True),
    405: Verdict(SendResult.TRANSIENT, LOOK_AT_URL, True),
    406: Verdict(SendResult.TRANSIENT, "the peer does not answer in application/dicom+json", True),
    408: Verdict(SendResult.TRANSIENT, "the peer did not get the object in time", True),
    409: Verdict(SendResult.TRANSIENT, "the peer gives no reason"),
    413: Verdict(SendResult.PERMANENT, "the object is larger than the peer takes"),
    415: Verdict(SendResult.PERMANENT, "the peer does not take this media type", wants_other_syntax=True),
    425: Verdict(SendResult.TRANSIENT, "the peer asks to come again", True),
    429: Verdict(SendResult.TRANSIENT, "the peer asks to come less often", True),
    500: Verdict(SendResult.TRANSIENT, "processing failure"),
    507: Verdict(SendResult.TRANSIENT, "out of resources", True),
}
"""Statuses without a failure reason. A cause that the next object would meet, too, pauses the peer and parks
nothing."""


def judge(status: int, body: bytes, sop_instance_uid: str) -> Verdict:
    """Judge the answer to a request with one object.

    Args:
        status: HTTP status.
        body: of the answer; DICOM JSON Model, if it has one.
        sop_instance_uid: of the object.
    """
    model = _read(body)
    if any(_read_uid(item) == sop_instance_uid for item in _list_items(model, REFERENCED_SOP_SEQUENCE)):
        return Verdict(SendResult.DELIVERED)
    reason = _find_reason(model, sop_instance_uid)
    if reason is not None:
        return _judge_reason(status, reason)
    if status == 200 and body.removeprefix(codecs.BOM_UTF8).lstrip().lower().startswith(WEB_PAGES):
        return Verdict(SendResult.TRANSIENT, f"HTTP {status} with a web page: {LOOK_AT_URL}", True)
    if 200 <= status < 300:
        return _judge_silence(status, model)
    if 300 <= status < 400:
        return Verdict(SendResult.TRANSIENT, f"HTTP {status}: the peer has another address: peers.url", True)
    verdict = BY_STATUS.get(status)
    if verdict is None and status < 500:
        verdict = Verdict(SendResult.PERMANENT, "the peer refuses the request")
    verdict = verdict or Verdict(SendResult.TRANSIENT, "the peer is away or full", True)
    return replace(verdict, reason=f"HTTP {status}: {verdict.reason}")


def _judge_reason(status: int, reason: int) -> Verdict:
    result, text = classify(reason)
    wants_other = reason == statuses.TRANSFER_SYNTAX_NOT_SUPPORTED
    if wants_other:
        text = f"status 0x{reason:04X}: transfer syntax not supported"
    return Verdict(
        result, text and f"HTTP {status}, {text}", statuses.is_out_of_resources(reason), wants_other
    )


def _judge_silence(status: int, model: dict[str, Any]) -> Verdict:
    """Judge a success whose dataset says nothing of the object."""
    names_others = any(
        _list_items(model, sequence) for sequence in (REFERENCED_SOP_SEQUENCE, FAILED_SOP_SEQUENCE)
    )
    if names_others or status == 202:
        return Verdict(SendResult.TRANSIENT, f"HTTP {status}: the answer does not name the object")
    return Verdict(SendResult.DELIVERED)


def _read(body: bytes) -> dict[str, Any]:
    try:
        model = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(model, list) and len(model) == 1:  # some servers send a list of one dataset
        model = model[0]
    return model if isinstance(model, dict) else {}


def _list_items(model: dict[str, Any], sequence: str) -> list[dict[str, Any]]:
    attribute = model.get(sequence)
    value = attribute.get("Value") if isinstance(attribute, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _read_values(item: dict[str, Any], tag: str) -> Iterator[Any]:
    attribute = item.get(tag)
    value = attribute.get("Value") if isinstance(attribute, dict) else None
    yield from value[:1] if isinstance(value, list) else []


def _read_uid(item: dict[str, Any]) -> str:
    return next((str(value).strip("\0 ") for value in _read_values(item, REFERENCED_SOP_INSTANCE_UID)), "")


def _find_reason(model: dict[str, Any], sop_instance_uid: str) -> int | None:
    """Return the Failure Reason of the object, or one that names no object."""
    named = [
        item for item in _list_items(model, FAILED_SOP_SEQUENCE) if _read_uid(item) in (sop_instance_uid, "")
    ]
    for item in [*named, *_list_items(model, OTHER_FAILURES_SEQUENCE)]:
        for value in _read_values(item, FAILURE_REASON):
            if isinstance(value, int) and 0 < value <= 0xFFFF:
                return value
        return statuses.PROCESSING_FAILURE  # without a reason
    return None
