"""The worklist as a page and as JSON, over a real database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from db import films
from db.codes import Doubt, Finding, Priority, Refusal
from db.database import Database
from db.settings import DatabaseSettings
from db.studies import StudyHeader
from tests.servers.ports import free_port
from tests.unit import rows
from web.application import build_application

PAGES = ["/", "/api/v1/worklist"]
OWN_HOSTS = ["127.0.0.1", "127.0.0.1:8080", "localhost", "localhost:9", "[::1]:8080", "[::1]"]
FOREIGN_HOSTS = ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "192.168.1.5"]


@pytest.fixture
def client(sqlite_database: Database) -> Iterator[TestClient]:
    """A browser on this machine."""
    with TestClient(build_application(sqlite_database, "1.2.3"), base_url="http://127.0.0.1:8080") as made:
        yield made


@pytest.fixture
def client_without_database() -> Iterator[TestClient]:
    """A browser on this machine while nobody answers at the database's address."""
    database = Database.open(DatabaseSettings(url=f"postgresql://me:s3cret@127.0.0.1:{free_port()}/nowhere"))
    with TestClient(build_application(database, "1.2.3"), base_url="http://127.0.0.1") as made:
        yield made
    database.close()


def test_an_empty_worklist_says_what_to_do(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "No studies yet" in page.text
    assert "tbscreen 1.2.3" in page.text


def test_every_page_says_that_nothing_is_verified(client: TestClient) -> None:
    assert "AI results, not verified by a physician" in client.get("/").text
    assert "not verified by a physician" in client.get("/api/v1/worklist").json()["notice"]


def test_hostile_names_are_text_not_markup(client: TestClient, sqlite_database: Database) -> None:
    hostile = "<script>alert(1)</script>"
    header = StudyHeader("1.2.3", f'"><img src=x onerror=alert(2)>{hostile}', hostile, hostile)
    instance_id = rows.receive(
        sqlite_database, study=header, modality="<b>DX", view_position="{{ 7 * 7 }}"
    ).instance_id
    with sqlite_database.write() as session:
        films.refuse(session, instance_id, Refusal.NOT_CHEST, f"BodyPartExamined is '{hostile}'")
    page = client.get("/").text
    for markup in ("<script", "<img", "<b>"):
        assert markup not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 4
    assert "{{ 7 * 7 }}" in page
    assert client.get("/", params={"state": hostile}).text.count("<script") == 0


def test_a_screened_film_shows_its_result_model_and_doubts(
    client: TestClient, sqlite_database: Database
) -> None:
    rows.register_model(sqlite_database, trained=False)
    header = StudyHeader("1.2.3", "A7", "P1", "Doe^Jane", study_date="20240301")
    instance_id = rows.receive(sqlite_database, study=header).instance_id
    rows.queue(sqlite_database, instance_id, [Doubt.AGE_UNKNOWN])
    rows.screen(sqlite_database, instance_id, 0.876, Finding.UNDETERMINED, Priority.MEDIUM)
    page = client.get("/").text
    for shown in ("MEDIUM", "87.6 %", "undetermined", "Doe Jane", "P1", "A7", "20240301", "DX PA"):
        assert shown in page
    assert "test-model 1.0, untrained model; age unknown" in page


def test_a_refused_film_shows_why(client: TestClient, sqlite_database: Database) -> None:
    instance_id = rows.receive(sqlite_database).instance_id
    with sqlite_database.write() as session:
        films.refuse(session, instance_id, Refusal.NOT_CHEST, "BodyPartExamined is HAND")
    page = client.get("/").text
    assert "refused: not_chest" in page
    assert "BodyPartExamined is HAND" in page
    assert "waiting" not in page


def test_a_film_that_waits_is_shown_as_waiting(client: TestClient, sqlite_database: Database) -> None:
    rows.receive(sqlite_database)
    assert "waiting" in client.get("/").text


def test_the_page_is_filtered_by_state(client: TestClient, sqlite_database: Database) -> None:
    rows.register_model(sqlite_database)
    screened = rows.receive_and_queue(
        sqlite_database, "1.1.1", study=StudyHeader("1.1", patient_id="SCREENED-ONE")
    )
    rows.screen(sqlite_database, screened)
    rows.receive(sqlite_database, "1.2.1", study=StudyHeader("1.2", patient_id="WAITING-ONE"))
    page = client.get("/?state=screened").text
    assert "SCREENED-ONE" in page
    assert "WAITING-ONE" not in page
    assert 'href="/?state=screened" aria-current="page"' in page
    assert "SCREENED-ONE" in client.get("/?state=").text


def test_the_same_worklist_as_json(client: TestClient, sqlite_database: Database) -> None:
    rows.register_model(sqlite_database)
    rows.screen(sqlite_database, rows.receive_and_queue(sqlite_database), 0.9)
    answer = client.get("/api/v1/worklist")
    assert answer.headers["content-type"] == "application/json"
    (study,) = answer.json()["studies"]
    assert (study["study_instance_uid"], study["state"], study["probability"]) == ("1.2.3", "screened", 0.9)
    (film,) = study["films"]
    assert (film["finding"], film["priority"], film["model"]) == ("present", "HIGH", "test-model 1.0")
    assert study["received_at"].endswith("+00:00")
    assert set(film["stages_ms"]) == {"receive", "prepare", "queue", "predict"}


@pytest.mark.parametrize(
    ("limit", "shown"),
    [("2", 2), ("0", 1), ("-5", 3), ("all", 3), ("", 3), ("9" * 20, 3), ("9" * 5000, 3), ("1e3", 3)],
)
def test_a_limit_is_kept_within_reason(
    client: TestClient, sqlite_database: Database, limit: str, shown: int
) -> None:
    for number in (1, 2, 3):
        rows.receive(sqlite_database, f"1.{number}.1", study=f"1.{number}")
    assert len(client.get("/api/v1/worklist", params={"limit": limit}).json()["studies"]) == shown


@pytest.mark.parametrize("path", PAGES)
def test_pages_carry_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_the_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/").text
    for word in ("<script", "src=", "http://", "https://", "@import", "url("):
        assert word not in page


@pytest.mark.parametrize("path", [*PAGES, "/healthz", "/readyz"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "192.168.1.5"]
)
def test_a_foreign_host_name_is_refused(client: TestClient, path: str, host: str) -> None:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert "worklist" not in answer.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8080", "localhost", "localhost:9", "[::1]:8080", "[::1]"]
)
def test_this_machine_s_names_are_served(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


def test_a_healthy_process_says_so(client: TestClient) -> None:
    for path in ("/healthz", "/readyz"):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (200, "ok")


def test_without_database_the_process_is_alive_and_not_ready(client_without_database: TestClient) -> None:
    assert client_without_database.get("/healthz").status_code == 200
    ready = client_without_database.get("/readyz")
    assert (ready.status_code, ready.text) == (503, "the database does not answer")


@pytest.mark.parametrize("path", PAGES)
def test_without_database_a_page_says_so_and_nothing_else(
    client_without_database: TestClient, path: str
) -> None:
    answer = client_without_database.get(path)
    assert (answer.status_code, answer.text) == (503, "the database does not answer")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_can_be_changed(client: TestClient, path: str, method: str) -> None:
    assert client.request(method, path).status_code == 405


@pytest.mark.parametrize("path", ["/docs", "/../settings.py", "/templates/worklist.html", "/api/v1/"])
def test_other_paths_are_not_there(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
