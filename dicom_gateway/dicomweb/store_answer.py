"""The answer to a Store request: its status, and the dataset of PS3.18 Table I.2-1 as JSON or XML."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from pydicom.datadict import keyword_for_tag
from starlette.responses import Response

from dicom_gateway.association.statuses import CANNOT_UNDERSTAND, OUT_OF_RESOURCES
from dicom_gateway.dicomweb.store_transaction import StoredInstance, StoreOutcome

JSON: Final = "application/dicom+json"
"""DICOM JSON Model (PS3.18 F)."""
XML: Final = "application/dicom+xml"
"""Native DICOM Model (PS3.19 A.1)."""

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

NOT_WANTED: Final = re.compile(r"q\s*=\s*0(\.0*)?")
"""A quality value of zero (RFC 9110 12.4.2)."""

RETRY_AFTER_S: Final = 30
"""Seconds after which a sender may try again when disk or database were not there."""

RETRIEVE_URL: Final = "00081190"
REFERENCED_SOP_CLASS_UID: Final = "00081150"
REFERENCED_SOP_INSTANCE_UID: Final = "00081155"
FAILURE_REASON: Final = "00081197"
FAILED_SOP_SEQUENCE: Final = "00081198"
REFERENCED_SOP_SEQUENCE: Final = "00081199"
OTHER_FAILURES_SEQUENCE: Final = "0008119A"

Model = dict[str, Any]


def choose_media_type(accept: str) -> str | None:
    """Return the media type of the answer; None when the request accepts neither JSON nor XML.

    Args:
        accept: the Accept header (RFC 9110 12.5.1); empty accepts everything. Of several, the first counts.
    """
    for wanted in accept.split(",") if accept.strip() else ["*/*"]:
        name, *parameters = (part.strip().lower() for part in wanted.split(";"))
        if any(NOT_WANTED.fullmatch(parameter) for parameter in parameters):
            continue
        if name in (JSON, "application/json", "*/*", "application/*"):
            return JSON
        if name == XML:
            return XML
    return None


def answer(outcome: StoreOutcome, media_type: str, is_malformed: bool = False) -> Response:
    """Return the answer to a request whose instances were received as `outcome` says.

    Args:
        outcome: what is stored, and what is not.
        media_type: `JSON` or `XML`.
        is_malformed: True when the rest of the body could not be read.
    """
    if is_malformed and outcome.stored:
        outcome.other_failures.append(CANNOT_UNDERSTAND)
    status = choose_status(outcome, is_malformed)
    model = describe(outcome)
    body = json.dumps(model).encode() if media_type == JSON else encode_xml(model)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return Response(body, status, headers, media_type)


def choose_status(outcome: StoreOutcome, is_malformed: bool) -> int:
    """Return the status of PS3.18 Table 10.5.3-1, or that of a limit."""
    reasons = [instance.status for instance in outcome.failed] + outcome.other_failures
    if outcome.stored:
        return 202 if reasons else 200
    if is_malformed or not reasons:
        return 400
    if any(reason != OUT_OF_RESOURCES for reason in reasons):
        return 409
    return 413 if outcome.too_large == len(reasons) else 503


def describe(outcome: StoreOutcome) -> Model:
    """Return the Store Instances Response as DICOM JSON Model.

    Retrieve URL is empty (type 2), since films are not retrieved here.
    """
    model: Model = {RETRIEVE_URL: {"vr": "UR"}}
    if outcome.stored:
        items = [_refer(instance) | {RETRIEVE_URL: {"vr": "UR"}} for instance in outcome.stored]
        model[REFERENCED_SOP_SEQUENCE] = _sequence(items)
    if outcome.failed:
        items = [_refer(instance) | _explain(instance.status) for instance in outcome.failed]
        model[FAILED_SOP_SEQUENCE] = _sequence(items)
    if outcome.other_failures:
        model[OTHER_FAILURES_SEQUENCE] = _sequence([_explain(reason) for reason in outcome.other_failures])
    return model


def _refer(instance: StoredInstance) -> Model:
    return {
        REFERENCED_SOP_CLASS_UID: {"vr": "UI", "Value": [instance.sop_class_uid]},
        REFERENCED_SOP_INSTANCE_UID: {"vr": "UI", "Value": [instance.sop_instance_uid]},
    }


def _explain(reason: int) -> Model:
    return {FAILURE_REASON: {"vr": "US", "Value": [reason]}}


def _sequence(items: Sequence[Model]) -> Model:
    return {"vr": "SQ", "Value": list(items)}


def encode_xml(model: Model) -> bytes:
    """Return a DICOM JSON Model as Native DICOM Model (PS3.19 A.1)."""
    root = Element("NativeDicomModel", xmlns=NAMESPACE)
    _add_attributes(root, model)
    encoded: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return encoded


def _add_attributes(parent: Element, model: Model) -> None:
    for tag, attribute in sorted(model.items()):
        names = {"tag": tag, "vr": attribute["vr"], "keyword": keyword_for_tag(int(tag, 16))}
        element = SubElement(parent, "DicomAttribute", names)
        for number, value in enumerate(attribute.get("Value", ()), start=1):
            if attribute["vr"] == "SQ":
                _add_attributes(SubElement(element, "Item", number=str(number)), value)
            else:
                SubElement(element, "Value", number=str(number)).text = str(value)
