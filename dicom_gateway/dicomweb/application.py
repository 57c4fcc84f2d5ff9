"""The ASGI application of the DICOMweb port: which path is answered by which endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dicom_gateway.dicomweb.request_gate import RequestGate
from dicom_gateway.dicomweb.retrieve_endpoint import RetrieveEndpoint
from dicom_gateway.dicomweb.retrieve_url import PATH
from dicom_gateway.dicomweb.search_endpoint import SearchEndpoint
from dicom_gateway.dicomweb.search_parameters import IMAGE_LEVEL, SERIES_LEVEL, STUDY_LEVEL
from dicom_gateway.dicomweb.store_endpoint import StoreEndpoint
from http_server.problem import describe_problem
from http_server.request_framing import RequestFraming

STUDY: Final = "/studies/{study}"
SERIES: Final = f"{STUDY}/series/{{series}}"
INSTANCE: Final = f"{SERIES}/instances/{{instance}}"

STORE_TARGETS: Final = ("/studies", STUDY)
"""Targets of the Store transaction (PS3.18 Table 10.5.1-1)."""
SEARCH_TARGETS: Final = {
    "/studies": STUDY_LEVEL,
    "/series": SERIES_LEVEL,
    f"{STUDY}/series": SERIES_LEVEL,
    "/instances": IMAGE_LEVEL,
    f"{STUDY}/instances": IMAGE_LEVEL,
    f"{SERIES}/instances": IMAGE_LEVEL,
}
"""Targets of the Search transaction with the level of the answers (PS3.18 Table 10.6.1-1)."""
RETRIEVE_TARGETS: Final = (STUDY, SERIES, INSTANCE)
"""Targets of the Retrieve transaction, also with `/metadata` (PS3.18 Tables 10.4.1-1, 10.4.1-2)."""
FRAMES_TARGET: Final = f"{INSTANCE}/frames/{{frames}}"


def build_application(
    gate: RequestGate, store: StoreEndpoint, search: SearchEndpoint, retrieve: RetrieveEndpoint
) -> Starlette:
    """Return the ASGI application of the port."""

    def route(method: str, path: str, name: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
        return Route(f"{PATH}{path}", gate.guard(name, answer), methods=[method])

    routes = [route("POST", path, "store", store.store) for path in STORE_TARGETS]
    routes += [route("GET", path, "search", search.at_level(level)) for path, level in SEARCH_TARGETS.items()]
    for path in RETRIEVE_TARGETS:
        routes.append(route("GET", path, "retrieve", retrieve.instances))
        routes.append(route("GET", f"{path}/metadata", "retrieve", retrieve.metadata))
    routes.append(route("GET", FRAMES_TARGET, "retrieve", retrieve.frames))
    return Starlette(
        routes=routes,
        middleware=[Middleware(RequestFraming)],
        exception_handlers={404: _find_nothing, 405: _find_nothing},
    )


async def _find_nothing(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return describe_problem(
        status,
        f"POST {PATH}/studies stores, GET {PATH}/studies searches; docs/dicom/dicomweb.md lists the others.",
    )
