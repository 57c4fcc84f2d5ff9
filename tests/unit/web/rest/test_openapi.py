"""The OpenAPI description says what the server takes."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from db.database import Database
from tests.unit.web.conftest import HERE
from tests.unit.web.rest.test_rest import issue
from web.application import build_application
from web.rest.openapi import describe_api
from web.rest.worklist_query import LONGEST, MOST


@pytest.fixture
def headers(peopled: Database) -> dict[str, str]:
    return issue(peopled)


def read_parameters(client: TestClient, path: str) -> list[dict[str, Any]]:
    api = client.get("/api/v1/openapi.json").json()
    parameters: list[dict[str, Any]] = api["paths"][path]["get"]["parameters"]
    return [parameter for parameter in parameters if parameter["in"] == "query"]


def takes_nothing(schema: dict[str, Any]) -> bool:
    """True for a schema that the empty text meets."""
    if "anyOf" in schema:
        return any(takes_nothing(each) for each in schema["anyOf"])
    if "const" in schema:
        return bool(schema["const"] == "")
    return bool(schema["type"] == "string" and "" in schema.get("enum", [""]) and "format" not in schema)


def test_every_parameter_may_be_empty_and_the_description_says_so(
    stranger: TestClient, headers: dict[str, str]
) -> None:
    for parameter in read_parameters(stranger, "/worklist"):
        schema = parameter["schema"]
        assert takes_nothing(schema.get("items", schema)), parameter["name"]
        answer = stranger.get("/api/v1/worklist", params={parameter["name"]: ""}, headers=headers)
        assert answer.status_code == 200, parameter["name"]
    for parameter in read_parameters(stranger, "/report"):
        assert takes_nothing(parameter["schema"]), parameter["name"]


def test_the_limits_of_parameters_are_those_of_the_server(
    stranger: TestClient, headers: dict[str, str]
) -> None:
    parameters = {
        parameter["name"]: parameter["schema"] for parameter in read_parameters(stranger, "/worklist")
    }
    assert parameters["text"]["anyOf"][0]["maxLength"] == LONGEST
    assert parameters["station"]["items"]["maxLength"] == LONGEST
    assert parameters["station"]["maxItems"] == MOST
    for values, status in (
        ({"text": "x" * LONGEST}, 200),
        ({"text": "x" * (LONGEST + 1)}, 400),
        ({"station": ["x"] * MOST}, 200),
        ({"station": ["x"] * (MOST + 1)}, 400),
    ):
        assert stranger.get("/api/v1/worklist", params=values, headers=headers).status_code == status


def test_schemathesis_finds_no_answer_that_the_description_does_not_have(
    peopled: Database, headers: dict[str, str]
) -> None:
    import schemathesis  # seconds of import, for this test alone

    schema = schemathesis.openapi.from_dict(describe_api("1.2.3"))
    schema.app = build_application(peopled, "1.2.3")
    for found in schema.get_all_operations():
        operation = found.ok()
        statuses = ask_often(operation, headers)
        assert statuses
        assert statuses <= set(operation.definition.raw["responses"]), operation.label


def ask_often(operation: Any, headers: dict[str, str]) -> set[str]:
    """Return the statuses of requests that the description allows: the same requests in each run."""
    import hypothesis

    statuses: set[str] = set()

    @hypothesis.settings(
        max_examples=8,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),  # on a busy machine a request is drawn slowly
    )
    @hypothesis.given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        answer = case.call(base_url=f"{HERE}/api/v1", headers=headers)
        statuses.add(str(answer.status_code))

    ask()
    return statuses
