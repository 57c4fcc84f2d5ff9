"""The OpenAPI 3.1 description of REST, for programs and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from db.counts.report_counts import Grouping
from db.worklist.reads import ReadEntry
from db.worklist.worklist_filter import STUDY_STATES
from domain.codes import Finding, Notice, Priority, Refusal
from domain.notices import NOTICE
from http_server.problem import MEDIA_TYPE
from web.pages.report_page import DAYS
from web.rest.rest import REPORT_FORMS, STUDIES, HeatAnswer, ReadRequest, StudyAnswer, WorklistAnswer
from web.rest.results import ResultsAnswer, ResultsRequest
from web.rest.worklist_query import DIFFER, LARGEST_PAGE, LONGEST, MOST

ANSWERS: Final[Sequence[type[BaseModel]]] = (
    WorklistAnswer,
    StudyAnswer,
    HeatAnswer,
    ReadRequest,
    ResultsRequest,
    ResultsAnswer,
)

PROBLEMS: Final = {
    400: "A parameter cannot be as it is.",
    401: "No token, or one that opens nothing.",
    403: "The token does not allow it, or it is hidden from a user who reads blinded.",
    404: "There is no such thing.",
    409: "A film of the study was not shown to the reader.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "The body is not what it should be.",
    429: "Too many requests: Retry-After says how many seconds to wait.",
    503: "The database does not answer.",
}


def describe_api(version: str) -> dict[str, Any]:
    """Return the OpenAPI document."""
    _, definitions = models_json_schema(
        [(model, "serialization") for model in ANSWERS], ref_template="#/components/schemas/{model}"
    )
    schemas = definitions["$defs"]
    schemas["Read"] = TypeAdapter(ReadEntry).json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schemas["Read"].pop("$defs", {})
    schemas["Problem"] = _describe_problem()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tbscreen",
            "version": version,
            "summary": "The worklist of a tuberculosis screening worker, its studies, their reads, reports.",
            "description": f"{NOTICE} Paths without v1 are the same as those with it.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": _describe_paths(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made by: tbscreen users token NAME --label PROGRAM [--scope report]",
                }
            },
        },
    }


def _describe_paths() -> dict[str, Any]:
    uid = {
        "name": "uid",
        "in": "path",
        "required": True,
        "description": "study_instance_uid of a study, percent-encoded: as its films have it, valid or not",
        "schema": {"type": "string", "maxLength": 64},
    }
    film = {
        "name": "film",
        "in": "path",
        "required": True,
        "description": "instance_id of a film of the study",
        "schema": {"type": "integer", "minimum": 0},
    }
    return {
        "/worklist": {
            "get": _describe(
                "Studies: unread ones first, then by priority, calibrated score and waiting time. For a user "
                "who reads blinded without results (hidden) and in an order of its own; 403 for priority "
                "and finding",
                _refer("WorklistAnswer"),
                [400],
                _list_filters(),
            )
        },
        "/studies/{uid}": {
            "get": _describe(
                "One study: films, results, deliveries, reads", _refer("StudyAnswer"), [404], [uid]
            )
        },
        "/studies/{uid}/reads": {
            "post": {
                **_describe(
                    "A radiologist's verdict; scope read. A later one takes its place, both are kept. With "
                    "films, it is refused unless each film that has a picture was shown",
                    _refer("Read"),
                    [404, 409, 415, 422],
                    [uid],
                    status=201,
                ),
                "requestBody": {"required": True, "content": {"application/json": _refer("ReadRequest")}},
            }
        },
        "/report": {"get": _describe_report()},
        "/results": {
            "post": {
                **_describe(
                    "Bacteriology results of a laboratory's system, all or none; scope results. The same "
                    "again changes nothing, another result of the same test is a correction",
                    _refer("ResultsAnswer"),
                    [413, 415, 422],
                    [],
                ),
                "requestBody": {"required": True, "content": {"application/json": _refer("ResultsRequest")}},
            }
        },
        "/studies/{uid}/films/{film}/film.jpg": {
            "get": _describe(
                "A film as people see it: 8 bit grey, at most 1024 pixels a side",
                {"schema": {"type": "string", "contentMediaType": "image/jpeg"}},
                [404],
                [uid, film],
                media_type="image/jpeg",
            )
        },
        "/studies/{uid}/films/{film}/heat.json": {
            "get": _describe("Where the film's score comes from", _refer("HeatAnswer"), [404], [uid, film])
        },
    }


def _describe(
    summary: str,
    content: dict[str, Any],
    problems: Sequence[int],
    parameters: Sequence[dict[str, Any]],
    *,
    status: int = 200,
    media_type: str = "application/json",
) -> dict[str, Any]:
    answers: dict[str, Any] = {
        str(status): {"description": HTTP_GOOD[status], "content": {media_type: content}}
    }
    for problem in sorted({*problems, 401, 403, 429, 503}):
        answers[str(problem)] = {
            "description": PROBLEMS[problem],
            "content": {MEDIA_TYPE: _refer("Problem")},
        }
    return {"summary": summary, "parameters": list(parameters), "responses": answers}


def _describe_report() -> dict[str, Any]:
    about = _describe(
        "Figures of some days, without patient data; scope report. As JSON they are those of "
        "'tbscreen report --format json'",
        {"schema": {"type": "object"}},
        [400, 404],
        [
            _query_parameter("from", f"first day; by default {DAYS} days in all", format="date"),
            _query_parameter("to", "last day, included; by default today", format="date"),
            _query_parameter("by", "figures of each, beside those of all films", enum=list(Grouping)),
            _query_parameter("format", "as what it is written", enum=list(REPORT_FORMS), default="json"),
        ],
    )
    about["responses"]["200"]["content"][REPORT_FORMS["csv"]] = {"schema": {"type": "string"}}
    return about


HTTP_GOOD: Final = {200: "Here it is.", 201: "It is kept."}


EMPTY: Final = {"const": ""}
"""A parameter without a value counts as absent."""


def _query_parameter(name: str, about: str, **schema: Any) -> dict[str, Any]:
    wanted = {"type": "string", **schema}
    if wanted["type"] == "string" and "enum" not in wanted:
        wanted.setdefault("maxLength", LONGEST)
    default = {"default": wanted.pop("default")} if "default" in wanted else {}
    return {
        "name": name,
        "in": "query",
        "description": about,
        "allowEmptyValue": True,
        "schema": {"anyOf": [wanted, EMPTY], **default},
    }


def _list_filters() -> list[dict[str, Any]]:
    def several(name: str, about: str, words: Sequence[str] = ()) -> dict[str, Any]:
        items = {"type": "string", **({"enum": ["", *words]} if words else {"maxLength": LONGEST})}
        return {
            "name": name,
            "in": "query",
            "description": f"{about}; may be given more than once: any will do",
            "schema": {"type": "array", "items": items, "maxItems": MOST},
        }

    return [
        _query_parameter(
            "text",
            "how a word of name, patient ID, accession number or station begins, whatever the case",
        ),
        _query_parameter(
            "read",
            "only those read, unread, or on which readers differ",
            enum=["yes", "no", DIFFER],
        ),
        several("priority", "band", list(Priority)),
        several("finding", "what the screening says", list(Finding)),
        several("state", "where the study stands", list(STUDY_STATES)),
        several("refusal", "why no film was screened", list(Refusal)),
        several("notice", "remark on the patient data or revisions of any film", list(Notice)),
        several("modality", "of any film; * and ? are wildcards"),
        several("station", "Station Name (0008,1010) of any film; * and ? are wildcards"),
        several("sender", "AE title that sent a film; * and ? are wildcards"),
        _query_parameter("from", "first study date", format="date"),
        _query_parameter("to", "last study date", format="date"),
        _query_parameter(
            "limit", "studies on a page", type="integer", minimum=1, maximum=LARGEST_PAGE, default=STUDIES
        ),
        _query_parameter("after", "following of the page before"),
    ]


def _refer(name: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}


def _describe_problem() -> dict[str, Any]:
    return {
        "title": "Problem",
        "description": "What went wrong (RFC 9457).",
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"const": "about:blank"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    }
