"""The REST interface: who may ask what, how often, and what comes back."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from db.accounts import api_tokens, users
from db.clock import now
from db.database import Database
from db.tables.accounts import ApiToken
from db.worklist import reads
from domain.errors import PermanentError
from domain.notices import NOTICE
from domain.roles import PERMISSIONS, Permission, Role
from domain.secret_words import TOKEN_PREFIX, hash_secret, make_secret
from reports.settings import ReportSettings
from tbscreen.processes.report_page import build_report_page
from tests.unit import rows
from tests.unit.web import reading_room
from tests.unit.web.browsers import let_in
from tests.unit.web.conftest import HERE
from web.access.rate_limit import MOST_BUCKETS, RateLimit
from web.application import build_application
from web.settings import WebSettings

PATHS = ["/api/v1/worklist", "/api/v1/studies/1.2.1", "/api/v1/studies/1.2.1/films/1/heat.json"]


def issue(
    database: Database,
    name: str = "rosa",
    scopes: set[Permission] | None = None,
    lifetime: timedelta | None = None,
) -> dict[str, str]:
    """Make a token; returns the header that shows it."""
    secret = make_secret(TOKEN_PREFIX)
    with database.write() as session:
        credentials = users.find_credentials(session, name)
        assert credentials is not None
        allowed = scopes or PERMISSIONS[credentials.user.role]
        api_tokens.issue(session, credentials.user, "a test", hash_secret(secret), allowed, lifetime)
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def program(stranger: TestClient, peopled: Database) -> TestClient:
    """A program with a token of `rosa`."""
    reading_room.fill(peopled, reading_room.MORNING[:3])
    stranger.headers.update(issue(peopled))
    return stranger


def assert_problem(answer: Any, status: int, words: str = "") -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert words in problem["detail"]


def test_the_worklist_comes_in_order_and_page_by_page(program: TestClient) -> None:
    first = program.get("/api/v1/worklist", params={"limit": 2}).json()
    assert first["notice"] == NOTICE
    assert [study["patient_name"] for study in first["studies"]] == ["Okafor^Chidi", "Lindqvist^Maja"]
    (film,) = first["studies"][0]["films"]
    assert (film["finding"], film["priority"], film["probability"]) == ("present", "HIGH", 0.93)
    assert (film["score"], film["tb_score"], first["studies"][0]["tb_score"]) == (0.93, 95, 95)
    second = program.get("/api/v1/worklist", params={"limit": 2, "after": first["following"]}).json()
    assert [study["study_instance_uid"] for study in second["studies"]] == ["1.2.3"]
    assert second["following"] is None
    assert program.get("/api/worklist?text=okaf").json()["studies"][0]["patient_id"] == "P-4137"


def test_a_study_comes_with_all_that_is_known(program: TestClient) -> None:
    for path in ("/api/v1/studies/1.2.1", "/api/studies/1.2.1"):
        study = program.get(path).json()["study"]
        (film,) = study["films"]
        screening = film["screening"]
        assert (screening["score"], screening["threshold"], screening["prevalence"]) == (0.93, 0.4, 0.1)
        assert screening["operating_points"][1]["name"] == "rule_in"
        assert (screening["tb_score"], study["tb_score"]) == (95, 95)
        assert screening["finished_at"].endswith("Z")
        assert [delivery["state"] for delivery in film["deliveries"]] == ["delivered"]
        assert study["reads"] == []
    picture = program.get("/api/v1/studies/1.2.1/films/1/film.jpg")
    assert picture.content.startswith(b"\xff\xd8")
    heat = program.get("/api/v1/studies/1.2.1/films/1/heat.json").json()
    assert len(heat["cells"]) == heat["rows"] * heat["columns"] == 196


@pytest.mark.parametrize("uid", ["1.2.003", "1.2.3\\1.2.4", "a/b/reads", "x<b>&?", "5", "é #"])
def test_any_stored_uid_is_a_path_when_it_is_percent_encoded(
    program: TestClient, peopled: Database, uid: str
) -> None:
    rows.register_model(peopled)
    film = rows.receive_and_queue(peopled, "1.2.99.1", study=uid)
    rows.screen(peopled, film)
    path = f"/api/v1/studies/{quote(uid, safe='')}"
    study = program.get(path).json()["study"]
    assert study["study_instance_uid"] == uid
    listed = program.get("/api/v1/worklist").json()["studies"]
    assert {entry["key"] for entry in listed if entry["study_instance_uid"] == uid} == {study["key"]}
    assert program.get(f"{path}/films/{film}/film.jpg").status_code == 200
    answer = program.post(f"{path}/reads", json={"verdict": "tb"})
    assert (answer.status_code, answer.headers["location"]) == (201, path)
    assert len(program.get(answer.headers["location"]).json()["study"]["reads"]) == 1


def test_a_read_is_kept_in_the_token_s_user_s_name(program: TestClient, peopled: Database) -> None:
    answer = program.post("/api/v1/studies/1.2.2/reads", json={"verdict": "tb", "comment": "apex"})
    assert answer.status_code == 201
    assert answer.headers["location"] == "/api/v1/studies/1.2.2"
    assert answer.json() | {"read_at": ""} == {
        "verdict": "tb",
        "comment": "apex",
        "reader": "rosa",
        "read_at": "",
        "current": True,
        "read_id": 1,
        "origin": "rest",
        "films": None,
        "withdrawn_at": None,
        "standing": True,
        "arbitrates": False,
        "blinded": False,
    }
    program.post("/api/studies/1.2.2/reads", json={"verdict": "not_tb"})
    with peopled.read() as session:
        assert [read.verdict for read in reads.list_reads(session, "1.2.2")] == ["not_tb", "tb"]


def test_a_program_may_prove_which_films_were_shown(program: TestClient, peopled: Database) -> None:
    path = "/api/v1/studies/1.2.2/reads"
    film = program.get("/api/v1/studies/1.2.2").json()["study"]["films"][0]["instance_id"]
    digest = hashlib.sha256(program.get(f"/api/v1/studies/1.2.2/films/{film}/film.jpg").content).hexdigest()
    shown = {"film": film, "sha256": digest}
    assert_problem(program.post(path, json={"verdict": "tb", "films": []}), 409, "was not on your screen")
    for wrong in (shown | {"sha256": "0" * 64}, shown | {"film": film + 99}):
        assert_problem(program.post(path, json={"verdict": "tb", "films": [wrong]}), 422, "has no picture")
    answer = program.post(path, json={"verdict": "tb", "films": [shown]})
    assert (answer.status_code, answer.json()["films"], answer.json()["origin"]) == (201, [film], "rest")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"verdict": "maybe"}, 422, "verdict"),
        ({}, 422, "verdict"),
        ({"verdict": "tb", "reader": "somebody else"}, 422, "reader"),
        ({"verdict": "tb", "comment": "x" * 2001}, 422, "comment"),
        ({"verdict": "tb", "comment": "apex\0"}, 422, "comment: a comment holds no NUL"),
        (["tb"], 422, ""),
        ({"verdict": "tb", "comment": "x" * 20_000}, 413, ""),
    ],
)
def test_what_is_no_read_is_refused(program: TestClient, body: Any, status: int, words: str) -> None:
    assert_problem(program.post("/api/v1/studies/1.2.2/reads", json=body), status, words)


def test_what_was_sent_is_not_sent_back(program: TestClient) -> None:
    answer = program.post("/api/v1/studies/1.2.2/reads", json={"verdict": "<script>Doe^Jane"})
    assert "Doe" not in answer.text
    assert_problem(program.post("/api/v1/studies/1.2.2/reads", data={"verdict": "tb"}), 415)
    headers = {"Content-Type": "application/json"}
    assert_problem(program.post("/api/v1/studies/1.2.2/reads", content=b"{", headers=headers), 422)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/studies/1.2.9", 404),
        ("/api/v1/studies/1..2", 404),
        ("/api/v1/studies/1.2.1'--", 404),
        ("/api/v1/studies/1.2.1/films/2/film.jpg", 404),
        ("/api/v1/nowhere", 404),
        ("/api/v2/worklist", 404),
        ("/api/v1/worklist?limit=0", 400),
        ("/api/v1/worklist?after=x", 400),
        ("/api/v1/worklist?state=maybe", 400),
        ("/api/v1/worklist?patient=Doe", 400),
        ("/api/v1/worklist?text=%00", 400),
    ],
)
def test_what_is_wrong_is_a_problem(program: TestClient, path: str, status: int) -> None:
    assert_problem(program.get(path), status)


def test_other_methods_are_problems(program: TestClient) -> None:
    for method, path in (("POST", "/api/v1/worklist"), ("DELETE", "/api/v1/studies/1.2.1")):
        assert_problem(program.request(method, path), 405)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer tbs_wrong",
        "Basic cm9zYTpwYXNz",
        "Bearer " + "x" * 5000,
        "tbs_x",
    ],
)
def test_without_a_token_nothing_is_told(stranger: TestClient, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = stranger.get(path, headers=headers)
    assert_problem(answer, 401, "tbscreen users token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="tbscreen"'


def test_a_browser_s_session_is_no_token(stranger: TestClient, peopled: Database) -> None:
    assert_problem(let_in(stranger, peopled).get("/api/v1/worklist"), 401)


def test_a_token_ends_with_its_time_its_user_or_its_word(stranger: TestClient, peopled: Database) -> None:
    headers = issue(peopled, lifetime=timedelta(days=1))
    assert stranger.get("/api/v1/worklist", headers=headers).status_code == 200

    with peopled.write() as session:
        users.set_disabled(session, "rosa", True)
    assert stranger.get("/api/v1/worklist", headers=headers).status_code == 401
    with peopled.write() as session:
        users.set_disabled(session, "rosa", False)
        session.execute(update(ApiToken).values(expires_at=now() - timedelta(seconds=1)))
    assert stranger.get("/api/v1/worklist", headers=headers).status_code == 401
    with peopled.write() as session:
        session.execute(update(ApiToken).values(expires_at=None))
        (token,) = api_tokens.list_tokens(session)
        assert token.used_at is not None
        api_tokens.revoke(session, token.id)
    assert stranger.get("/api/v1/worklist", headers=headers).status_code == 401


def test_a_token_allows_what_it_says_and_its_user_may(stranger: TestClient, peopled: Database) -> None:
    rows.receive(peopled)
    path, body = "/api/v1/studies/1.2.3/reads", {"verdict": "tb"}
    only_looks = issue(peopled, scopes={Permission.WORKLIST})
    answer = stranger.post(path, json=body, headers=only_looks)
    assert_problem(answer, 403, "does not allow: read")
    assert 'scope="read"' in answer.headers["www-authenticate"]
    assert stranger.get("/api/v1/worklist", headers=only_looks).status_code == 200

    reads_too = issue(peopled)
    assert stranger.post(path, json=body, headers=reads_too).status_code == 201
    with peopled.write() as session:
        users.set_role(session, "rosa", Role.MANAGER)
    assert stranger.post(path, json=body, headers=reads_too).status_code == 403
    with pytest.raises(PermanentError, match="may not do this: read"):
        issue(peopled, "max", {Permission.READ})


def test_who_asks_too_often_waits(peopled: Database) -> None:
    settings = WebSettings(requests_per_minute=3)
    first, other = issue(peopled), issue(peopled)
    with TestClient(build_application(peopled, "1", settings), base_url=HERE) as client:
        for _ in range(3):
            assert client.get("/api/v1/worklist", headers=first).status_code == 200
        answer = client.get("/api/v1/worklist", headers=first)
        assert_problem(answer, 429, "More than 3 requests a minute")
        assert 1 <= int(answer.headers["retry-after"]) <= 20
        assert client.get("/api/v1/worklist", headers=other).status_code == 200, "others are not held up"
        wrong = [client.get("/api/v1/worklist").status_code for _ in range(5)]
        assert wrong == [401, 401, 401, 429, 429]


def test_a_bucket_fills_again_evenly_and_buckets_are_not_without_number() -> None:
    moment = [100.0]
    limit = RateLimit(60, lambda: moment[0])
    assert [limit.take("a") for _ in range(60)] == [None] * 60
    assert limit.take("a") == pytest.approx(1.0)
    moment[0] += 0.25
    assert limit.take("a") == pytest.approx(0.75)
    moment[0] += 0.75
    assert limit.take("a") is None
    assert limit.take("a") == pytest.approx(1.0)
    for number in range(MOST_BUCKETS + 50):
        limit.take(f"{number}")
    assert len(limit._buckets) <= MOST_BUCKETS
    moment[0] += 3600
    assert [limit.take("a") for _ in range(61)] == [None] * 60 + [pytest.approx(1.0)]


def test_a_report_comes_to_tokens_of_that_scope(peopled: Database) -> None:
    reading_room.fill(peopled, reading_room.MORNING[:3])
    render = build_report_page(peopled, ReportSettings(timezone="UTC"), "1")
    with TestClient(build_application(peopled, "1", render_report=render), base_url=HERE) as client:
        manager = issue(peopled, "max", {Permission.REPORT})
        report = client.get("/api/v1/report?by=station", headers=manager).json()
        assert report["total"]["flow"]["received"] == 3
        assert "Okafor" not in str(report)
        lines = client.get("/api/report?format=csv", headers=manager)
        assert lines.headers["content-type"] == "text/csv; charset=utf-8"
        assert lines.text.startswith("section,group,figure,value,low,high\n")
        for query in ("format=pdf", "from=x", "by=x", "days=3", "from=2026-11-30&to=2026-11-01"):
            assert_problem(client.get(f"/api/v1/report?{query}", headers=manager), 400)
        assert_problem(client.get("/api/v1/report", headers=issue(peopled)), 403, "does not allow: report")
        assert client.get("/api/v1/worklist", headers=manager).status_code == 403


def test_the_description_fits_what_is_answered(program: TestClient) -> None:
    api = program.get("/api/v1/openapi.json").json()
    assert api["openapi"] == "3.1.0"
    schemas = api["components"]["schemas"]
    for text in re.findall(r'"\$ref": "([^"]+)"', str(api).replace("'", '"')):
        assert text.removeprefix("#/components/schemas/") in schemas
    study = program.get("/api/v1/studies/1.2.1").json()["study"]
    assert set(study) == set(schemas["StudyDetails"]["properties"])
    assert set(study["films"][0]) == set(schemas["FilmDetails"]["properties"])
    entry = program.get("/api/v1/worklist").json()["studies"][0]
    assert set(entry) == set(schemas["StudyEntry"]["properties"])
    examples = {"uid": "1.2.1", "film": "1"}
    for path, methods in api["paths"].items():
        for method, about in methods.items():
            answer = program.request(method, "/api/v1" + path.format(**examples), json={"verdict": "tb"})
            assert str(answer.status_code) in about["responses"], path
            kind = answer.headers["content-type"]
            assert kind in about["responses"][str(answer.status_code)]["content"]
    words = {"read": "yes", "from": "2026-11-25", "to": "2026-11-25", "limit": "3", "after": None}
    for parameter in api["paths"]["/worklist"]["get"]["parameters"]:
        schema = parameter["schema"].get("items", parameter["schema"])
        value = words.get(parameter["name"], (schema.get("enum") or ["*"])[0])
        if value is not None:
            assert program.get("/api/v1/worklist", params={parameter["name"]: value}).status_code == 200


def test_the_description_as_a_page(client: TestClient) -> None:
    page = client.get("/api/docs")
    assert page.status_code == 200
    for words in ("/api/v1/worklist", "Retry-After", "StudyDetails", "sender", "tbscreen users token rosa"):
        assert words in page.text
    assert page.headers["content-type"].startswith("text/html")
