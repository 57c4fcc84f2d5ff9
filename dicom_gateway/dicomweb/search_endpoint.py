"""The endpoint of the Search transaction (QIDO-RS, PS3.18 10.6) on the worklist."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dicom_gateway.association.film_sender import FilmSender
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.dicomweb.accept_header import accepts_json
from dicom_gateway.dicomweb.request_gate import RequestGate
from dicom_gateway.dicomweb.retrieve_url import RetrieveUrls, make_urls
from dicom_gateway.dicomweb.search_parameters import (
    IMAGE_LEVEL,
    STUDY_LEVEL,
    ParameterError,
    Search,
    read_search,
)
from dicom_gateway.dicomweb.store_answer import JSON
from dicom_gateway.query.query_identifier import IdentifierError
from dicom_gateway.query.worklist_attributes import StudyRecord, locate
from dicom_gateway.query.worklist_search import LimitError, WorklistSearch
from dicom_gateway.settings import GatewaySettings
from domain.roles import Permission

MORE: Final = "There are additional results that can be requested."
NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

log = structlog.get_logger(__name__)


class SearchEndpoint:
    """Answers Search requests.

    Args:
        settings: limits.
        search: finds the records of a query, with what is held beside films.
        gate: identifies senders, and has the threads.
        audit: records searches; None for no audit.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        search: WorklistSearch,
        gate: RequestGate,
        audit: AuditTrail | None,
    ) -> None:
        assert settings.dicomweb is not None
        self._query = settings.query
        self._web = settings.dicomweb
        self._search = search
        self._gate = gate
        self._audit = audit

    def at_level(self, level: str) -> Callable[[Request], Awaitable[Response]]:
        """Return the function that answers searches for studies, series or instances."""

        async def answer(request: Request) -> Response:
            return await self._answer(request, level)

        return answer

    async def _answer(self, request: Request, level: str) -> Response:
        sender = await self._gate.identify(request, Permission.WORKLIST)
        if not self._query.enabled:
            raise HTTPException(404, "The worklist is not open to queries (gateway.query.enabled).")
        if not accepts_json(request.headers.get("accept", "")):
            raise HTTPException(406, f"The answer is {JSON}.")
        target = request.path_params.get("study", ""), request.path_params.get("series", "")
        try:
            search = read_search(
                level, *target, request.query_params.multi_items(), self._query.maximum_answers
            )
            found, has_more = await self._gate.work(self._find, search, make_urls(request, self._web))
        except (ParameterError, IdentifierError) as error:
            raise HTTPException(400, f"The search is not understood: {error}.") from None
        except LimitError as error:
            raise HTTPException(413, f"The search exceeds a limit: {error}.") from None
        self._record(request, sender, len(found))
        headers = dict(NO_STORE)
        if warnings := [*search.remarks, *([MORE] if has_more else [])]:
            headers["Warning"] = ", ".join(f'299 tbscreen "{warning}"' for warning in warnings)
        if not found:
            return Response(status_code=204, headers=headers)
        return Response(json.dumps(found, allow_nan=False).encode(), 200, headers, JSON)

    def _find(self, search: Search, urls: RetrieveUrls) -> tuple[list[dict[str, Any]], bool]:
        """Return the wanted matches as DICOM JSON Model, and True when there are more."""
        found: list[dict[str, Any]] = []
        passed = 0
        for record in self._search.list_records(search.plan):
            if record is None:
                continue
            if passed < search.offset:
                passed += 1
            elif len(found) == search.limit:
                return found, True
            else:
                found.append(_describe(search, record, urls))
        return found, False

    def _record(self, request: Request, sender: FilmSender, count: int) -> None:
        log.info("search answered", caller=sender.ae_title, answers=count)
        if self._audit is not None:
            query = request.url.query
            self._audit.record_web_query(sender, f"{request.url.path}?{query}".rstrip("?").encode())


def _describe(search: Search, record: StudyRecord, urls: RetrieveUrls) -> dict[str, Any]:
    level = search.plan.level
    answer = search.plan.query.answer(record)
    answer.update(locate(record, level))
    del answer.QueryRetrieveLevel  # the target says it
    is_here = bool(record.films) and all(film.sop_instance_uid in record.held for film in record.films)
    answer.InstanceAvailability = "ONLINE" if is_here else "UNAVAILABLE"
    series = instance = ""
    if level != STUDY_LEVEL:
        series = record.films[0].series_instance_uid or ""
    if level == IMAGE_LEVEL:
        instance = record.films[0].sop_instance_uid
    answer.RetrieveURL = urls.find(is_here, record.study.study_instance_uid, series, instance)
    return dict(sorted(answer.to_json_dict(suppress_invalid_tags=True).items()))
