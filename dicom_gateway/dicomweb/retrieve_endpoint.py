"""The endpoint of the Retrieve transaction (WADO-RS, PS3.18 10.4): instances, metadata and frames."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

import structlog
from pydicom import dcmread
from pydicom.encaps import generate_frames
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dicom_gateway.association.film_sender import FilmSender
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.dataset_header import NotUnderstoodError
from dicom_gateway.dicomweb.accept_header import ANY, DICOM, MULTIPART, accepts_json, find_multipart
from dicom_gateway.dicomweb.film_frames import (
    NATIVE,
    NoFramesError,
    find_frames,
    find_media_type,
    find_syntax,
)
from dicom_gateway.dicomweb.held_objects import HeldInstance, HeldObjects
from dicom_gateway.dicomweb.multipart_answer import FileRange, Part, Piece, StoredBytes, send_part, send_parts
from dicom_gateway.dicomweb.request_gate import RequestGate
from dicom_gateway.dicomweb.retrieve_url import make_urls
from dicom_gateway.dicomweb.search_endpoint import NO_STORE
from dicom_gateway.dicomweb.store_answer import JSON
from dicom_gateway.settings import GatewaySettings
from domain.roles import Permission

FRAMES: Final = re.compile(r"[1-9][0-9]{0,5}(,[1-9][0-9]{0,5}){0,99}")
CHARACTER_SET: Final = {"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}
"""JSON is UTF-8 (PS3.18 F.2)."""

log = structlog.get_logger(__name__)


class RetrieveEndpoint:
    """Answers Retrieve requests.

    Args:
        settings: limits, and the service of the PACS.
        held: finds what can be retrieved.
        gate: identifies senders, and has the threads.
        audit: records what is retrieved; None for no audit.
    """

    def __init__(
        self, settings: GatewaySettings, held: HeldObjects, gate: RequestGate, audit: AuditTrail | None
    ) -> None:
        assert settings.dicomweb is not None
        self._query = settings.query
        self._web = settings.dicomweb
        self._held = held
        self._gate = gate
        self._audit = audit

    async def instances(self, request: Request) -> Response:
        """Answer with the instances of a study or series, or with a single one, as stored.

        Raises:
            HTTPException: when nothing is answered.
        """
        sender, found = await self._find(request)
        here = [item for item in found if item.is_here]
        if not here:
            raise HTTPException(410, self._point_to_archive(request))
        accept = request.headers.get("accept", "")
        chosen = [
            find_multipart(accept, (DICOM,), item.transfer_syntax, default_syntax=True) for item in here
        ]
        if None in chosen:
            raise HTTPException(
                406, f'Accept multipart/related; type="{DICOM}"; transfer-syntax=*: nothing is decoded here.'
            )
        parts = [await self._gate.work(self._make_part, item) for item in here]
        self._record(sender, here)
        single = chosen[0] is not None and chosen[0].media_type == DICOM
        if single and len(parts) == 1:
            return send_part(self._gate, parts[0], NO_STORE)
        if single:
            raise HTTPException(406, f'Several instances come as {MULTIPART}; type="{DICOM}".')
        headers = dict(NO_STORE)
        missing = len(found) - len(here)
        if missing:
            headers["Warning"] = f'299 tbscreen "{missing} of {len(found)} instances are no longer here"'
        return send_parts(self._gate, parts, DICOM, 206 if missing else 200, headers)

    async def metadata(self, request: Request) -> Response:
        """Answer with the headers of a target's instances, also of those that are no longer here.

        Raises:
            HTTPException: when nothing is answered.
        """
        sender, found = await self._find(request)
        if not accepts_json(request.headers.get("accept", "")):
            raise HTTPException(406, f"The answer is {JSON}.")
        urls = make_urls(request, self._web)
        models = [
            item.header | CHARACTER_SET | _locate(item, urls.find(item.is_here, *_address(item)))
            for item in found
        ]
        self._record(sender, found)
        return Response(json.dumps(models, allow_nan=False).encode(), 200, NO_STORE, JSON)

    async def frames(self, request: Request) -> Response:
        """Answer with frames of an instance as they are stored.

        Raises:
            HTTPException: when nothing is answered.
        """
        listed = request.path_params["frames"]
        numbers = [int(number) for number in listed.split(",")] if FRAMES.fullmatch(listed) else []
        if not numbers or len(set(numbers)) < len(numbers):
            raise HTTPException(400, "Frames are different numbers from 1 on, with commas, at most 100.")
        sender, found = await self._find(request)
        item = found[0]
        if not item.is_here:
            raise HTTPException(410, self._point_to_archive(request))
        syntax = find_syntax(item.transfer_syntax)
        media_type = find_media_type(syntax)
        accept = request.headers.get("accept", "")
        # The default of frames is native; `*` says that any encoding is taken (PS3.18 8.7.3.5.2).
        chosen = media_type and (
            find_multipart(accept, (media_type,), syntax, default_syntax=True)
            or find_multipart(accept, (NATIVE,), ANY, default_syntax=False)
        )
        if media_type is None or not chosen:
            wanted = f"{MULTIPART}; type={media_type or NATIVE}; transfer-syntax=*"
            raise HTTPException(406, f"Accept {wanted}: nothing is decoded here.")
        try:
            frames = await self._gate.work(self._list_frames, item)
        except (NoFramesError, NotUnderstoodError, FileNotFoundError) as error:
            raise HTTPException(404, f"No frames ({error}); retrieve the instance.") from None
        if max(numbers) > len(frames):
            raise HTTPException(404, f"The instance has {len(frames)} frames.")
        self._record(sender, [item])
        content_type = f"{media_type}; transfer-syntax={syntax}"
        parts = [Part(content_type, frames[number - 1]) for number in numbers]
        return send_parts(self._gate, parts, media_type, 200, NO_STORE)

    async def _find(self, request: Request) -> tuple[FilmSender, list[HeldInstance]]:
        sender = await self._gate.identify(request, Permission.WORKLIST)
        if not self._query.enabled:
            raise HTTPException(404, "The worklist is not open to queries (gateway.query.enabled).")
        target = [request.path_params.get(name, "") for name in ("study", "series", "instance")]
        found = await self._gate.work(self._held.find, *target)
        if not found:
            raise HTTPException(404, "No such study, series or instance is known here.")
        return sender, found

    def _point_to_archive(self, request: Request) -> str:
        target = [request.path_params.get(name, "") for name in ("study", "series", "instance")]
        archive = make_urls(request, self._web).find(False, *target)
        return f"The film is no longer here: {archive or 'ask the PACS for it'}."

    def _make_part(self, item: HeldInstance) -> Part:
        content_type = f"{DICOM}; transfer-syntax={item.transfer_syntax}"
        return Part(content_type, [self._make_piece(item)])

    def _make_piece(self, item: HeldInstance) -> Piece:
        if item.path is not None:
            try:
                return FileRange(item.path, 0, item.path.stat().st_size)
            except FileNotFoundError:
                raise HTTPException(410, "The film was deleted just now.") from None
        return StoredBytes(lambda: self._held.read_object(item.sop_instance_uid), item.byte_count)

    def _list_frames(self, item: HeldInstance) -> Sequence[Sequence[Piece]]:
        if item.path is not None:
            return find_frames(item.path)
        dataset = dcmread(BytesIO(self._held.read_object(item.sop_instance_uid)))
        if "PixelData" not in dataset:
            raise NoFramesError("the object has no pixels")
        pixels = dataset.PixelData
        is_encapsulated = dataset.file_meta.TransferSyntaxUID.is_encapsulated
        content = next(generate_frames(pixels, number_of_frames=1)) if is_encapsulated else pixels
        return [[StoredBytes(lambda: content, len(content))]]

    def _record(self, sender: FilmSender, items: Sequence[HeldInstance]) -> None:
        log.info("instances retrieved", caller=sender.ae_title, instances=len(items))
        if self._audit is not None:
            classes: dict[str, list[str]] = {}
            for item in items:
                classes.setdefault(item.sop_class_uid, []).append(item.sop_instance_uid)
            self._audit.record_retrieved(sender, items[0].study, items[0].patient_id, classes)


def _address(item: HeldInstance) -> tuple[str, str, str]:
    return item.study, item.series, item.sop_instance_uid


def _locate(item: HeldInstance, url: str) -> dict[str, Any]:
    """Return Instance Availability, Retrieve URL and Available Transfer Syntax UID."""
    place: dict[str, Any] = {
        "00080056": {"vr": "CS", "Value": ["ONLINE" if item.is_here else "UNAVAILABLE"]},
        "00081190": {"vr": "UR", **({"Value": [url]} if url else {})},
    }
    if item.is_here:
        place["00083002"] = {"vr": "UI", "Value": [item.transfer_syntax]}
    return place
