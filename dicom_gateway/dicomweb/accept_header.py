"""The Accept header of retrievals (PS3.18 8.7.4): media types with their transfer syntaxes."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from typing import Final

JSON_TYPES: Final = ("application/dicom+json", "application/json", "application/*", "*/*")
MULTIPART: Final = "multipart/related"
DICOM: Final = "application/dicom"
ANY: Final = "*"


@dataclass(frozen=True)
class Acceptable:
    """A media type that a request accepts."""

    media_type: str
    """In lower case, such as `multipart/related` or `application/dicom+json`."""
    part_type: str
    """Media type of the parts of a `multipart/related`; empty where the request names none."""
    transfer_syntax: str
    """UID, `*` for any, or empty for none named."""


def read_accept(header: str) -> list[Acceptable]:
    """Return what a request accepts, in its order; types of quality zero are left out.

    Args:
        header: the Accept header (RFC 9110 12.5.1); empty accepts everything.
    """
    accepted = []
    for element in header.split(",") if header.strip() else ["*/*"]:
        message = Message()
        message["Content-Type"] = element.strip()
        parameters = {str(name): str(value) for name, value in message.get_params([], unquote=True)[1:]}
        if _is_zero(parameters.get("q", "")):
            continue
        media_type = element.partition(";")[0].strip().lower()
        part_type = parameters.get("type", "").lower()
        accepted.append(Acceptable(media_type, part_type, parameters.get("transfer-syntax", "")))
    return accepted


def accepts_json(header: str) -> bool:
    """Return True when DICOM JSON is accepted."""
    return any(acceptable.media_type in JSON_TYPES for acceptable in read_accept(header))


def find_multipart(
    header: str, part_types: tuple[str, ...], transfer_syntax: str, default_syntax: bool
) -> Acceptable | None:
    """Return the first media type under which a part may be sent as it is stored.

    Args:
        header: the Accept header.
        part_types: media types of the part, such as `image/jls`.
        transfer_syntax: of the part.
        default_syntax: True where the part may be sent to a request that names no transfer syntax.
    """
    for acceptable in read_accept(header):
        if acceptable.media_type in ("*/*", MULTIPART):
            kinds = (acceptable.part_type or "*/*",)
        else:
            kinds = (acceptable.media_type,)  # a single part, not enclosed
        is_kind = any(kind in ("*/*", *part_types) for kind in kinds)
        syntax = acceptable.transfer_syntax
        if is_kind and (syntax in (ANY, transfer_syntax) or (not syntax and default_syntax)):
            return acceptable
    return None


def _is_zero(quality: str) -> bool:
    try:
        return float(quality) == 0
    except ValueError:
        return False
